//! `bursar service` on Linux, in a folder that stands for a system.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::process::output;

const SETTINGS: &str = "Butler:
  configQRS: {host: q, headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}}
  cert: {clientCert: a, clientCertKey: b, clientCertCA: c}
  fileLogging: true
  logDirectory: /srv/the logs
  storage: {path: /srv/bursar/bursar.db, backup: {folder: copies}}
  influxDb:
    enable: true
    hostIP: localhost
    version: 2
    v2Config: {org: o, bucket: b, token: '${credential:influxdb-token}'}
  qlikSenseLicense:
    licenseMonitor: {enable: true, destination: {influxDb: {enable: true}}}
";

const UNIT: &str = "etc/systemd/system/bursar.service";

struct System {
    root: tempfile::TempDir,
}

impl System {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/bursar")).unwrap();
        fs::write(root.path().join("etc/bursar/bursar.yaml"), SETTINGS).unwrap();
        Self { root }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn service(&self, command: &str, more: &[&str]) -> Output {
        let args = [&["service", command, "--root", "."], more].concat();
        output(&args, self.root.path())
    }

    fn install(&self, more: &[&str]) -> Output {
        let args = ["-c", "etc/bursar/bursar.yaml", "--program", "/usr/local/bin/bursar"];
        self.service("install", &[&args, more].concat())
    }

    /// Every file and link, with what it holds.
    fn all(&self) -> Vec<(PathBuf, String)> {
        let (mut found, mut folders) = (Vec::new(), vec![self.root.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match fs::read_link(&path) {
                    Ok(target) => found.push((path, target.display().to_string())),
                    Err(_) if path.is_dir() => folders.push(path),
                    Err(_) => found.push((path.clone(), fs::read_to_string(path).unwrap())),
                }
            }
        }
        found.sort();
        found
    }
}

fn said(run: &Output) -> String {
    String::from_utf8([run.stdout.as_slice(), &run.stderr].concat()).unwrap()
}

#[test]
fn a_service_is_installed_told_of_and_removed() {
    let system = System::new();
    let before = system.all();
    let mut shapes = crate::shapes::Shapes::read();
    let mut status = || {
        let run = system.service("status", &["--json"]);
        assert_eq!(run.status.code(), Some(3), "nothing runs in a folder: {}", said(&run));
        let json: Value = serde_json::from_slice(&run.stdout).unwrap();
        shapes.look("service status", &json);
        json
    };
    assert_eq!(status()["installed"], false);

    let credential = "influxdb-token:/etc/bursar/credentials/influxdb-token";
    let run = system.install(&["--credential", credential]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let unit = fs::read_to_string(system.path(UNIT)).unwrap();
    for line in [
        "ExecStart=/usr/local/bin/bursar run -c /etc/bursar/bursar.yaml",
        "ExecReload=/usr/local/bin/bursar reload -c /etc/bursar/bursar.yaml",
        "LoadCredential=influxdb-token:/etc/bursar/credentials/influxdb-token",
        "ReadWritePaths=-/srv/bursar",
        "ReadWritePaths=-\"/srv/the logs\"",
        "WatchdogSec=60",
        "User=bursar",
    ] {
        assert!(unit.lines().any(|of| of == line), "{line}\n{unit}");
    }
    assert_eq!(fs::metadata(system.path(UNIT)).unwrap().permissions().mode() & 0o777, 0o644);
    assert!(system.path("etc/sysusers.d/bursar.conf").is_file());
    let link = system.path("etc/systemd/system/multi-user.target.wants/bursar.service");
    assert_eq!(fs::read_link(link).unwrap(), Path::new("/").join(UNIT));

    let json = status();
    assert_eq!(json["by"], "command", "{json}");
    assert_eq!((&json["installed"], &json["enabled"]), (&true.into(), &true.into()), "{json}");
    assert_eq!(json["command"], "/usr/local/bin/bursar run -c /etc/bursar/bursar.yaml");
    shapes.finish();
    let text = said(&system.service("status", &[]));
    assert!(text.starts_with("not asked how it is, starts with the computer\n"), "{text}");

    let again = system.install(&["--credential", credential]);
    assert!(said(&again).contains("is as it was"), "{}", said(&again));
    let other = system.install(&[]);
    assert!(said(&other).contains("anew"), "{}", said(&other));
    assert!(!fs::read_to_string(system.path(UNIT)).unwrap().contains("\nLoadCredential"));

    let run = system.service("uninstall", &[]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert_eq!(system.all(), before, "what it wrote is gone, and nothing else");
    let run = system.service("uninstall", &[]);
    assert_eq!(run.status.code(), Some(1));
    assert!(said(&run).contains("no service is installed"), "{}", said(&run));
}

#[test]
fn a_unit_of_somebody_else_is_not_touched() {
    for (place, by, word) in [
        (UNIT, "hand", "not written by this command"),
        ("usr/lib/systemd/system/bursar.service", "package", "of a package"),
    ] {
        let system = System::new();
        fs::create_dir_all(system.path(place).parent().unwrap()).unwrap();
        fs::write(system.path(place), "[Service]\nExecStart=/opt/bursar run\n").unwrap();
        let before = system.all();
        let run = system.install(&[]);
        assert_eq!(run.status.code(), Some(1), "{}", said(&run));
        assert!(said(&run).contains(word), "{}", said(&run));
        let run = system.service("uninstall", &[]);
        assert_eq!(run.status.code(), Some(1), "{}", said(&run));
        assert_eq!(system.all(), before);
        let told: Value =
            serde_json::from_slice(&system.service("status", &["--json"]).stdout).unwrap();
        assert_eq!((&told["by"], &told["enabled"]), (&by.into(), &false.into()), "{told}");
    }
}

#[test]
fn what_would_not_work_is_refused_with_its_reason() {
    let system = System::new();
    let before = system.all();
    let print = |more: &[&str]| {
        let args = ["service", "install", "-c", "etc/bursar/bursar.yaml", "--print"];
        output(&[&args, more].concat(), system.root.path())
    };
    // The folder of a test is one that services don't see.
    let run = print(&["--program", "/home/anna/bursar"]);
    assert_eq!(run.status.code(), Some(3), "{}", said(&run));
    let unit = String::from_utf8(run.stdout).unwrap();
    assert!(unit.contains("\nExecStart=/home/anna/bursar run -c "), "{unit}");
    let why = String::from_utf8(run.stderr).unwrap();
    assert!(why.contains("/home/anna/bursar is in /home, which the service does not see"), "{why}");

    let run = print(&["--program", "/usr/bin/x\nUser=root"]);
    assert_eq!(run.status.code(), Some(3), "{}", said(&run));
    assert_eq!(String::from_utf8_lossy(&run.stdout), "", "no unit can be written");
    let root = SETTINGS.replace("/srv/bursar/bursar.db", "/etc/s.db");
    fs::write(system.path("etc/bursar/bursar.yaml"), root).unwrap();
    let run = print(&[]);
    assert!(said(&run).contains("/etc would be open for writing as a whole"), "{}", said(&run));
    fs::write(system.path("etc/bursar/bursar.yaml"), SETTINGS).unwrap();

    for (args, code, reason) in [
        (&["--program", "/root/bursar"][..], 1, "is in /root, which the service does not see"),
        (&["--credential", "x"], 2, "NAME:FILE"),
        (&["--credential", "x:/x\nExecStartPre=/bin/sh"], 2, "a unit can't name"),
        (&["--now"], 2, "--now"),
        (&["-c", "absent.yaml"], 2, "absent.yaml"),
    ] {
        let base = match args {
            ["-c", _] => vec!["--program", "/usr/bin/bursar"],
            _ => vec!["-c", "etc/bursar/bursar.yaml"],
        };
        let run = system.service("install", &[base.as_slice(), args].concat());
        assert_eq!(run.status.code(), Some(code), "{args:?}: {}", said(&run));
        assert!(said(&run).contains(reason), "{args:?}: {}", said(&run));
    }
    let home = SETTINGS.replace("clientCertKey: b", "clientCertKey: /srv/../home/anna/key.pem");
    fs::write(system.path("etc/bursar/bursar.yaml"), home).unwrap();
    let run = system.install(&[]);
    assert_eq!(run.status.code(), Some(1), "{}", said(&run));
    assert!(said(&run).contains("key.pem is in /home, which the service does not see"));
    fs::write(system.path("etc/bursar/bursar.yaml"), "Butler: {influxDb: 7}\n").unwrap();
    let run = system.install(&[]);
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    fs::write(system.path("etc/bursar/bursar.yaml"), SETTINGS).unwrap();
    let run = output(&["service", "run", "-c", "etc/bursar/bursar.yaml"], system.root.path());
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    assert!(said(&run).contains("systemd calls bursar run"), "{}", said(&run));
    assert_eq!(system.all(), before, "nothing was written");
}

/// Each setting of a unit has rules of its own for blanks, quotes, `%` and `$`.
#[test]
fn systemd_understands_a_unit_with_odd_paths() {
    let system = System::new();
    let (program, settings) = (system.path("my tools 100%/bursar"), system.path("it's $5/b;.yaml"));
    for file in [&program, &settings] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
    }
    fs::copy("/bin/true", &program).unwrap();
    let yaml = SETTINGS
        .replace("/srv/the logs", "/srv/it's 100% \\logs")
        .replace("/srv/bursar/bursar.db", "'/srv/a \"store\"/b.db'");
    fs::write(&settings, yaml).unwrap();
    let args = [
        "service install --print --credential".split(' ').collect::<Vec<_>>(),
        vec!["token:/srv/a \"b\" 100%/x", "-c", settings.to_str().unwrap()],
        vec!["--program", program.to_str().unwrap()],
    ];
    let run = output(&args.concat(), system.root.path());
    let unit = String::from_utf8(run.stdout).unwrap();
    for line in [
        "LoadCredential=token:/srv/a \"b\" 100%%/x",
        "ReadWritePaths=-'/srv/a \"store\"'",
        "ReadWritePaths=-\"/srv/it's 100%% \\logs\"",
    ] {
        assert!(unit.lines().any(|of| of == line), "{line}\n{unit}");
    }
    assert!(unit.contains("/it's $$5/b;.yaml\"\n"), "{unit}");
    let file = system.path("bursar.service");
    fs::write(&file, &unit).unwrap();
    let run =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(file).output().unwrap();
    assert_eq!(said(&run), "", "{unit}");
}

#[test]
fn where_systemd_does_not_run_nothing_is_installed() {
    if Path::new("/run/systemd/system").exists() {
        return;
    }
    let system = System::new();
    let args = ["service", "install", "-c", "etc/bursar/bursar.yaml", "--program", "/usr/bin/x"];
    let run = output(&args, system.root.path());
    assert_eq!(run.status.code(), Some(1), "{}", said(&run));
    assert!(said(&run).contains("systemd doesn't run this system"), "{}", said(&run));
    assert!(!Path::new("/").join(UNIT).exists());
}

/// systemd understands the unit, and finds it exposed no more than is explained.
#[test]
fn the_shipped_unit_is_understood_and_closed() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd/verify.sh");
    let run = Command::new(script).output().expect("the script starts");
    assert!(run.status.success(), "{}", said(&run));
}
