use proptest::prelude::*;

use super::*;

/// A reload of the app that fails with these lines of the engine.
fn log(failure: &[&str]) -> String {
    let mut lines = vec![
        "20260110T060000.831+0000      Execution started.",
        "20260110T060000.831+0000      Reload Executed By INTERNAL\\sa_scheduler",
        "20260110T060000.832+0000      Process Executing: C:\\Program Files\\Qlik\\Sense\\Engine\\Engine.exe",
        "20260110T060000.833+0000      ErrorMode: 1",
        "20260110T060001.004+0000 0002  SET ThousandSep=','",
        "20260110T060001.004+0000 0003  SET DecimalSep='.'",
        "20260110T060001.117+0000 0034  SET ErrorMode=0",
        "20260110T060002.402+0000 0120  TRACE Error: this is a statement, not an error",
        "20260110T060002.500+0000 0121  IF ScriptErrorCount > 0 THEN",
        "20260110T060007.115+0000 0412  LIB CONNECT TO 'monitor_apps_REST_license_overview'",
    ];
    lines.extend(failure);
    lines.push("20260110T060050.552+0000      Execution Failed");
    lines.push("20260110T060050.553+0000      Execution finished.");
    lines.join("\r\n") + "\r\n"
}

fn read(text: &str) -> ScriptLog {
    ScriptLog::read(text.as_bytes(), false)
}

#[test]
fn what_went_wrong_and_what_usually_causes_it() {
    let cases: [(&[&str], Cause); 11] = [
        (
            &[
                "20260110T060009.620+0000      Error: QVX_UNEXPECTED_END_OF_DATA: HTTP protocol error 401 (Unauthorized):",
                "20260110T060009.620+0000      ",
                "20260110T060009.621+0000      The requested resource requires user authentication.",
                "20260110T060009.622+0000      Error: Execution of script failed. Reload failed",
            ],
            Cause::Unauthorized,
        ),
        (
            &["20260110T060009.620+0000      Error: HTTP protocol error 403 (Forbidden)"],
            Cause::Forbidden,
        ),
        (
            &[
                "20260110T060009.620+0000      Error: Connection 'monitor_apps_REST_license_overview' not found",
            ],
            Cause::ConnectionMissing,
        ),
        (
            &[
                "20260110T060009.620+0000      Error: The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel.",
            ],
            Cause::Certificate,
        ),
        (
            &[
                "20260110T060009.620+0000      Error: HTTP protocol error: The operation has timed out",
            ],
            Cause::Timeout,
        ),
        (
            &[
                "20260110T060009.620+0000      Error: Unable to connect to the remote server: No connection could be made because the target machine actively refused it",
            ],
            Cause::Unreachable,
        ),
        (
            &["20260110T060009.620+0000      Error: HTTP protocol error 503 (Service Unavailable)"],
            Cause::ServiceError,
        ),
        (
            &["20260110T060009.620+0000      Error: Out of memory: 8589934592 bytes"],
            Cause::OutOfMemory,
        ),
        (
            &[
                "20260110T060009.620+0000      Error: Cannot open file: 'lib://ServerLogFolder/governanceLogContent_7.16.1_file.qvd'",
            ],
            Cause::FileMissing,
        ),
        (
            &["20260110T060009.620+0000      Error: There is not enough space on the disk"],
            Cause::DiskFull,
        ),
        (
            &["20260110T060009.620+0000      General Script Error in statement handling"],
            Cause::Unknown,
        ),
    ];
    for (failure, cause) in cases {
        let log = read(&log(failure));
        assert_eq!(log.cause(), cause, "{:?}", log.errors());
        assert!(!log.cause().hint().is_empty());
        // Neither statements nor settings, and no times.
        assert!(log.errors().iter().all(|line| !line.contains("TRACE") && !line.contains("2026")));
        assert_eq!(log.errors().last().unwrap(), "Execution Failed");
    }
}

#[test]
fn the_errors_of_a_failed_login() {
    let log = read(&log(&[
        "20260110T060009.620+0000      Error: HTTP protocol error 401 (Unauthorized)",
        "20260110T060009.620+0000      Error: HTTP protocol error 401 (Unauthorized)",
        "20260110T060009.622+0000      0 errors in the rest",
    ]));
    insta::assert_snapshot!(log.errors().join("\n"), @r"
    Error: HTTP protocol error 401 (Unauthorized)
    Execution Failed
    ");
    assert_eq!(log.lines().len(), 15);
    assert!(log.lines()[14].ends_with("Execution finished."));
    assert!(!log.lines().iter().any(|line| line.contains('\r')));
}

#[test]
fn both_ways_to_write_the_time() {
    for time in ["20260110T060007.115+0100", "20260110T060007.115-0500", "2026-01-10 06:00:07"] {
        let log = read(&format!("{time}      Error: a\r\n{time} 0001  LET x = 'Error: b'\r\n"));
        assert_eq!(log.errors(), ["Error: a"], "{time}");
    }
    // What begins with a number that is no statement's.
    assert_eq!(read("401 Unauthorized\n").errors(), ["401 Unauthorized"]);
}

#[test]
fn a_log_without_errors_a_cut_one_and_none_at_all() {
    let fine = read("\u{feff}2026-01-10 06:00:07      Execution started.\r\n\r\n");
    assert_eq!((fine.errors().len(), fine.cause()), (0, Cause::Unknown));
    assert_eq!(fine.lines(), ["2026-01-10 06:00:07      Execution started."]);
    let cut = ScriptLog::read(b"rror: half a line\r\nError: whole\r\n", true);
    assert_eq!(cut.errors(), ["Error: whole"]);
    assert_eq!(read("").lines(), Vec::<String>::new());
}

#[test]
fn too_much_is_cut_at_every_end() {
    let many: String = (0..500).map(|n| format!("Error: number {n}\r\n")).collect();
    let log = read(&many);
    assert_eq!((log.lines().len(), log.errors().len()), (KEPT_LINES, KEPT_ERRORS));
    assert_eq!(log.errors()[0], "Error: number 0");
    assert_eq!(log.errors().last().unwrap(), "Error: number 499");
    let long = read(&format!("Error: {}\n", "wort ".repeat(500)));
    assert_eq!(long.errors()[0].chars().count(), LONGEST + 4);
}

#[test]
fn secrets_are_masked_and_names_stay() {
    let jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJsaWNlbnNlIjoiMTIzNDU2Nzg5MDEyMzQ1NiJ9.q2Jk-1dmZ3Rk_0dXJuc3R1ZmY9sdkj3kd93k2";
    for (line, shown) in [
        ("user=CORP\\svc;password=geheim1;x=1", "user=CORP\\svc;password=[masked];x=1"),
        ("{\"password\": \"ge heim\"}", "{\"password\": \"[masked] heim\"}"),
        ("PWD = abc", "PWD = [masked]"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [masked]"),
        ("sent Basic dXNlcjpwYXNz", "sent Basic [masked]"),
        ("sent Bearer abc123", "sent Bearer [masked]"),
        (
            "GET https://svc:pa@ss@qlik1/qrs?xrfkey=0123456789abcdef&x=1",
            "GET https://[masked]@qlik1/qrs?xrfkey=[masked]&x=1",
        ),
        ("license 1234567890123456 is invalid", "license [masked] is invalid"),
        ("license 1234 5678 9012 3456, control: 12345", "license [masked], control: [masked]"),
        ("serial number = 1234-5678-9012-3456", "serial number = [masked]"),
        ("key AbCdEf0123456789AbCdEf01 of", "key [masked] of"),
        ("signed key: short1", "signed key: [masked]"),
        // What stays.
        (
            "Error: HTTP protocol error 401 (Unauthorized)",
            "Error: HTTP protocol error 401 (Unauthorized)",
        ),
        ("app 40000000-0000-4000-8000-000000000001", "app 40000000-0000-4000-8000-000000000001"),
        (
            "LIB CONNECT TO 'monitor_apps_REST_license_overview'",
            "LIB CONNECT TO 'monitor_apps_REST_license_overview'",
        ),
        ("the password for CORP\\svc is wrong", "the password for CORP\\svc is wrong"),
        ("basic authentication failed", "basic authentication failed"),
        ("8589934592 bytes", "8589934592 bytes"),
        ("12345678901234567 is too long for one", "12345678901234567 is too long for one"),
    ] {
        assert_eq!(clean(line), shown);
    }
    let masked = clean(&format!("with {jwt}."));
    assert_eq!(masked, "with [masked].[masked].[masked].");
}

proptest! {
    /// Whatever comes, it is read, its lines are short, and it is the same when read again.
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let log = ScriptLog::read(&bytes, false);
        for line in log.lines().iter().chain(log.errors()) {
            prop_assert!(line.chars().count() <= LONGEST + 4);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }

    /// A key never survives, wherever it stands.
    #[test]
    fn a_key_is_masked_anywhere(before in "[ a-zäß:=.\"]{0,12}", key in "[A-Z0-9]{12}[A-Z][0-9][a-z]{12}") {
        let line = format!("{before} {key} and more");
        prop_assert!(!clean(&line).contains(&key), "{}", clean(&line));
    }
}
