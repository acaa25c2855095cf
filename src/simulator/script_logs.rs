//! Script logs of the License Monitor app, as the engine writes them.

use chrono::{DateTime, TimeDelta, Utc};

use super::monitor_app::ScriptError;

/// The log of a reload that began and ended then. CRLF, as on Windows.
pub(super) fn text(
    began: DateTime<Utc>,
    ended: DateTime<Utc>,
    failed: Option<ScriptError>,
) -> String {
    let mut log = Log { text: String::new(), time: began };
    for line in [
        "     Execution started.",
        "     Reload Executed By INTERNAL\\sa_scheduler",
        "     Process Executing: C:\\Program Files\\Qlik\\Sense\\Engine\\Engine.exe",
        "     Process ID: 5124",
        "     Grammar Version: 12.2010.0",
        "     ErrorMode: 1",
        "0001  ///$tab Main",
        "0002  SET ThousandSep=','",
        "0003  SET DecimalSep='.'",
        "0034  SET ErrorMode=0",
        "0120  TRACE Reading the license overview",
        "     Reading the license overview",
        "0412  LIB CONNECT TO 'monitor_apps_REST_license_overview'",
    ] {
        log.add(line);
    }
    match failed {
        None => {
            log.add("     Connected.");
            log.add("     license_overview << RestConnectorMasterTable");
            log.add("     1 Lines fetched");
            log.time = ended;
        }
        Some(error) => {
            log.time = ended - TimeDelta::milliseconds(40);
            for line in lines(error) {
                log.add(&format!("     {line}"));
            }
            log.add("     Execution Failed");
        }
    }
    log.add("     Execution finished.");
    log.text
}

fn lines(error: ScriptError) -> &'static [&'static str] {
    match error {
        ScriptError::Unauthorized => &[
            "Error: QVX_UNEXPECTED_END_OF_DATA: HTTP protocol error 401 (Unauthorized):",
            "",
            "The requested resource requires user authentication.",
        ],
        ScriptError::ConnectionMissing => {
            &["Error: Connection 'monitor_apps_REST_license_overview' not found"]
        }
        ScriptError::Certificate => &[
            "Error: The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel.",
        ],
        ScriptError::Timeout => &["Error: HTTP protocol error: The operation has timed out"],
        ScriptError::OutOfMemory => &["Error: Out of memory: 8589934592 bytes"],
        ScriptError::FileMissing => &[
            "Error: Cannot open file: 'lib://ServerLogFolder/governanceLogContent_7.16.1_file.qvd'",
        ],
        ScriptError::Leaking => &[
            "Error: HTTP protocol error 401 (Unauthorized): user=CORP\\svc_qlik;password=Sommer2026!",
            "Error: license 1234 5678 9012 3456 could not be read",
        ],
    }
}

struct Log {
    text: String,
    time: DateTime<Utc>,
}

impl Log {
    fn add(&mut self, line: &str) {
        let time = self.time.format("%Y%m%dT%H%M%S%.3f+0000");
        self.text.push_str(&format!("{time} {line}\r\n"));
        self.time += TimeDelta::milliseconds(3);
    }
}
