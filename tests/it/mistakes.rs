//! Mistakes that people make in settings, and what they are told: one snapshot, for eyes.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::process::output;

/// Good settings, which each mistake spoils in one place.
const GOOD: &str = "\
Butler:
  cert:
    clientCert: client.pem
    clientCertKey: client_key.pem
    clientCertCA: root.pem
  configQRS:
    host: 127.0.0.1
    headers:
      static:
        - name: X-Qlik-User
          value: UserDirectory=INTERNAL; UserId=sa_api
  qlikSenseLicense:
    licenseMonitor:
      enable: true
      frequency: every 5 minutes
      destination:
        webhook:
          enable: true
          sendRecurring:
            enable: true
  webhookNotification:
    enable: true
    qlikSenseLicenseMonitor:
      webhooks:
        - webhookURL: http://127.0.0.1:9/
    qlikSenseAlert:
      webhooks:
        - webhookURL: http://127.0.0.1:9/
  alert:
    destination:
      webhook:
        enable: true
";

/// What somebody did, and what stands there in the place of what.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("a tab", "    host: 127", "\thost: 127"),
    ("a Windows path in double quotes", "client.pem", r#""C:\temp\new\client.pem""#),
    ("the same, with an escape that is none", "client.pem", r#""C:\Qlik\client.pem""#),
    ("a part of such a path", "client.pem", r#""certificates\new.pem""#),
    ("a Windows path of somebody's", "client.pem", r#""C:\Users\anna\client.pem""#),
    ("a Windows path without quotes that isn't there", "client.pem", r"C:\Qlik\client.pem"),
    (
        "aliases of aliases",
        "Butler:\n",
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n\
         b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n\
         c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n\
         d: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\nButler:\n",
    ),
    ("a cron text without quotes", "every 5 minutes", "*/5 * * * *"),
    ("a value that begins with %", "127.0.0.1", "%COMPUTERNAME%"),
    ("a value that begins with @", "127.0.0.1", "@host"),
    ("a value that begins with a backtick", "127.0.0.1", "`host`"),
    ("typographic quotes", "127.0.0.1", "\u{201c}127.0.0.1\u{201d}"),
    ("a blank that doesn't break lines", "127.0.0.1", "\u{a0}127.0.0.1"),
    ("a quote that doesn't end", "127.0.0.1", "\"127.0.0.1"),
    ("a colon in a value", "127.0.0.1", "central: 127.0.0.1"),
    ("no colon", "    host: 127.0.0.1", "    host 127.0.0.1"),
    ("no blank after the colon", "    host: 127.0.0.1", "    host:127.0.0.1"),
    ("a blank too few", "    host: 127", "   host: 127"),
    ("a blank too many", "    host: 127", "     host: 127"),
    ("a list without its dash", "- name: X-Qlik-User", "  name: X-Qlik-User"),
    ("the same key twice", "    host: 127.0.0.1", "    host: 127.0.0.1\n    host: 127.0.0.2"),
    ("a second document", "  configQRS:", "---\n  configQRS:"),
    ("a name with a typo", "    host: 127.0.0.1", "    hots: 127.0.0.1"),
    ("a name in other letters", "    host: 127.0.0.1", "    Host: 127.0.0.1"),
    (
        "a setting in the wrong section",
        "    host: 127.0.0.1",
        "    host: 127.0.0.1\n    logLevel: info",
    ),
    ("butler", "Butler:", "butler:"),
    ("nothing above", "Butler:\n", ""),
    ("no host", "127.0.0.1\n    headers", "\n    headers"),
    ("an address in place of a host", "127.0.0.1\n", "https://qlik.example.com:4242/qrs\n"),
    ("a host with its port", "127.0.0.1\n", "qlik.example.com:4242\n"),
    ("a port in quotes", "    host: 127.0.0.1", "    host: 127.0.0.1\n    port: \"4242\""),
    ("a port that is none", "    host: 127.0.0.1", "    host: 127.0.0.1\n    port: 424200"),
    ("no TLS", "    host: 127.0.0.1", "    host: 127.0.0.1\n    useSSL: false"),
    ("yes", "enable: true\n      frequency", "enable: yes\n      frequency"),
    ("True in quotes", "enable: true\n      frequency", "enable: \"true\"\n      frequency"),
    ("1", "enable: true\n      frequency", "enable: 1\n      frequency"),
    ("a user as Windows writes it", "UserDirectory=INTERNAL; UserId=sa_api", r"INTERNAL\sa_api"),
    ("a user without directory", "UserDirectory=INTERNAL; UserId=sa_api", "sa_api"),
    ("another header", "X-Qlik-User", "X-Qlik-Usr"),
    ("a header that can't be", "X-Qlik-User", "X Qlik User"),
    ("a schedule of a guide", "every 5 minutes", "at 15 minutes past every hour"),
    ("another phrase of a guide", "every 5 minutes", "quarter past every hour"),
    ("a schedule in another order", "every 5 minutes", "5 minutes"),
    ("a number as schedule", "every 5 minutes", "5"),
    ("a cron with too few fields", "every 5 minutes", "\"*/5 * *\""),
    ("a cron that never comes", "every 5 minutes", "\"0 0 30 2 *\""),
    ("an hour that is none", "every 5 minutes", "at 25:00"),
    ("a file that isn't there", "client.pem", "no-such.pem"),
    ("a folder", "client.pem", "."),
    ("the key in place of the certificate", "client.pem", "client_key.pem"),
    ("the certificate in place of the key", "client_key.pem", "client.pem"),
    ("a key of another export", "client_key.pem", "server_key.pem"),
    ("a server's certificate as authority", "root.pem", "server.pem"),
    ("a variable that isn't set", "127.0.0.1\n", "${env:BURSAR_TEST_HOST}\n"),
    ("a reference of a kind that isn't there", "127.0.0.1\n", "${secret:HOST}\n"),
    ("a reference that doesn't end", "127.0.0.1\n", "${env:HOST\n"),
    (
        "a webhook without scheme",
        "http://127.0.0.1:9/\n    qlikSenseAlert",
        "127.0.0.1:9/\n    qlikSenseAlert",
    ),
    (
        "a destination that is off",
        "  webhookNotification:\n    enable: true",
        "  webhookNotification:\n    enable: false",
    ),
    ("a section that is text", "  configQRS:\n", "  configQRS: here\n"),
    ("a text that is a section", "host: 127.0.0.1", "host:\n      name: 127.0.0.1"),
    ("a number that is text", "every 5 minutes", "[every 5 minutes]"),
    ("a time zone that is none", "Butler:\n", "Butler:\n  timeZone: CEST+1\n"),
    ("a level that is none", "Butler:\n", "Butler:\n  logLevel: loud\n"),
    ("a number with a letter", "    host: 127.0.0.1", "    host: 127.0.0.1\n    port: 4242s"),
];

fn said(folder: &Path, content: &[u8]) -> String {
    std::fs::write(folder.join("bursar.yaml"), content).unwrap();
    let run = output(&["config", "check", "-c", "bursar.yaml"], folder);
    let code = run.status.code().unwrap();
    // The next times are of the day.
    let out = String::from_utf8(run.stdout).unwrap();
    let out = out.lines().filter(|line| line.starts_with("bursar.yaml"));
    let err = String::from_utf8(run.stderr).unwrap();
    let lines: Vec<&str> = err.lines().chain(out).collect();
    format!("{}\n({code})\n", lines.join("\n"))
}

#[test]
fn each_is_told_with_its_place_and_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    bursar::simulator::Pki::generate("one").write_to(folder.path()).unwrap();
    let mut all = String::new();
    for (name, good, bad) in MISTAKES {
        assert!(GOOD.contains(good), "{name}");
        write!(all, "# {name}\n{}\n", said(folder.path(), GOOD.replacen(good, bad, 1).as_bytes()))
            .unwrap();
    }
    assert!(MISTAKES.len() >= 60, "{}", MISTAKES.len());
    insta::assert_snapshot!(all);
}

/// What editors and shells of Windows make of a file.
#[test]
fn other_encodings_are_read_or_told_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    bursar::simulator::Pki::generate("one").write_to(folder.path()).unwrap();
    let good = GOOD.replace("# ", "").replace("sa_api", "sa_åpi");
    let units = || good.encode_utf16();
    let with_mark: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(units().flat_map(u16::to_le_bytes)).collect();
    let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(units().flat_map(u16::to_be_bytes)).collect();
    let utf8 = [b"\xef\xbb\xbf".as_slice(), good.as_bytes()].concat();
    for content in [&with_mark, &big, &utf8, &good.replace('\n', "\r\n").into_bytes()] {
        assert_eq!(
            said(folder.path(), content),
            "bursar.yaml: settings are valid, 0 warning(s)\n(0)\n"
        );
    }
    let without: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
    assert!(said(folder.path(), &without).contains("save it in UTF-8"), "UTF-16 without a mark");
    let latin: Vec<u8> = good.chars().map(|sign| u8::try_from(sign as u32).unwrap()).collect();
    assert_eq!(
        said(folder.path(), &latin),
        "bursar.yaml:11:52: it is not text in UTF-8; save it in UTF-8, or in UTF-16 with a byte order mark\n(2)\n"
    );
}
