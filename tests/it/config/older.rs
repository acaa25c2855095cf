//! Files of Butler 11.1 to today's: what they mean here, and `bursar config migrate`.

use std::fs;
use std::path::Path;

use bursar::config::{FixedEnvironment, Loaded, load_text, migrate};
use bursar::destination::influxdb::settings::{InfluxDb, InfluxVersion};
use bursar::policy::UserPattern;

use super::{environment, repository, warnings};
use crate::support::process::{bursar, output};

/// Each layout, by the name of its file.
const LAYOUTS: [&str; 6] =
    ["butler-11.1", "butler-12.4", "brackets-12.0", "butler-14", "butler-15", "butler-16"];

fn source(layout: &str) -> String {
    let path = repository().join(format!("tests/data/config/older/{layout}.yaml"));
    fs::read_to_string(path).unwrap()
}

fn env() -> FixedEnvironment {
    let mut env = environment();
    env.variables.insert("INFLUX_PASSWORD".into(), "invented".into());
    env
}

fn loaded(text: &str) -> Loaded {
    load_text(text, Path::new("x.yaml"), &env()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn influx(loaded: &Loaded) -> &InfluxDb {
    loaded.settings.destinations.influxdb.as_ref().unwrap()
}

type Pair = Option<(String, String)>;

/// User, password, database, policy and how long it keeps.
fn v1(loaded: &Loaded) -> (Pair, String, Pair) {
    let InfluxVersion::V1 { auth, database, retention_policy } = &influx(loaded).version else {
        panic!()
    };
    (
        auth.as_ref().map(|a| (a.username.clone(), a.password.reveal().to_owned())),
        database.clone(),
        retention_policy.as_ref().map(|p| (p.name.clone(), p.duration.clone())),
    )
}

fn tags(loaded: &Loaded) -> Vec<(&str, &str)> {
    influx(loaded).tags.iter().map(|t| (t.name.as_str(), t.value.as_str())).collect()
}

fn headers(loaded: &Loaded) -> Vec<(&str, &str)> {
    let headers = &loaded.settings.sites[0].connection.headers;
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn protected(loaded: &Loaded) -> Vec<String> {
    let users = &loaded.settings.sites[0].release.policy.never_release.users;
    users.iter().map(UserPattern::account).collect()
}

fn pair(a: &str, b: &str) -> Option<(String, String)> {
    Some((a.to_owned(), b.to_owned()))
}

/// All that a file says, on lines, by the command; passwords are masked.
fn explained(folder: &Path, text: &str) -> String {
    fs::write(folder.join("x.yaml"), text).unwrap();
    let out = bursar(&["config", "explain", "-c", "x.yaml"])
        .env("INFLUX_PASSWORD", "invented")
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    // Without the lines of the file they come from.
    let rows = text.lines().map(|line| {
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect();
        cells[..2].join(" = ")
    });
    rows.map(|row| row + "\n").collect()
}

#[test]
fn butler_files_from_11_1_to_15_0_are_read_with_their_meaning() {
    let policy = || pair("10d", "10d");
    let login = pair("writer", "invented");

    let old = loaded(&source("butler-11.1"));
    assert_eq!(v1(&old), (login.clone(), "sense".to_owned(), policy()));
    assert_eq!(tags(&old), [("butler_instance", "PROD \"1\"")]);
    let user = "UserDirectory=Internal; UserId=sa_repository";
    assert_eq!(headers(&old), [("X-Qlik-User", user)]);
    assert_eq!(protected(&old), ["INTERNAL\\sa_api", "CORP\\anna"]);
    let release = &old.settings.sites[0].release;
    assert!(release.enable && release.dry_run);

    let old = loaded(&source("butler-12.4"));
    assert_eq!(v1(&old), (None, "sense".to_owned(), pair("52w", "52w")));
    assert_eq!(tags(&old), [("butler_instance", "PROD"), ("room", "cellar")]);
    assert_eq!(headers(&old), [("X-Qlik-User", user)]);
    assert_eq!(protected(&old), ["CORP\\anna"]);
    assert!(!old.settings.sites[0].release.dry_run);

    let old = loaded(&source("brackets-12.0"));
    assert_eq!(v1(&old), (None, "sense".to_owned(), policy()));
    assert_eq!(tags(&old), [("butler_instance", "PROD")]);
    assert_eq!(headers(&old), [("X-Qlik-User", user)]);
    assert_eq!(protected(&old), ["INTERNAL\\sa_api", "CORP\\admin"]);
    assert!(old.settings.sites[0].release.dry_run);

    let old = loaded(&source("butler-14"));
    assert_eq!(v1(&old), (login.clone(), "sense".to_owned(), policy()));
    assert_eq!(tags(&old), [("env", "prod")]);
    assert_eq!(influx(&old).url.as_str(), "http://influx.example.com:8087/");

    let old = loaded(&source("butler-15"));
    let quoted = pair("wri,ter", "in'ven}ted");
    assert_eq!(v1(&old), (quoted, "sense".to_owned(), policy()));

    let today = loaded(&source("butler-16"));
    assert_eq!(v1(&today), (login, "sense".to_owned(), policy()));
    assert_eq!(protected(&today), ["CORP\\anna"]);
    assert_eq!(warnings(&today), "");
}

#[test]
fn each_old_key_is_named_with_its_place() {
    let said = |layout| warnings(&loaded(&source(layout))).replace("x.yaml:", "");
    insta::assert_snapshot!(said("butler-11.1"));
    insta::assert_snapshot!(said("butler-12.4"));
    insta::assert_snapshot!(said("butler-15"));
}

/// Once more through the program: what it explains before and after is the same.
#[test]
fn explain_says_the_same_of_a_file_and_of_its_new_layout() {
    let folder = tempfile::tempdir().unwrap();
    for layout in LAYOUTS {
        let text = source(layout);
        let before = explained(folder.path(), &text);
        let out = output(&["config", "migrate", "x.yaml"], folder.path());
        assert!(out.status.success(), "{layout}: {}", String::from_utf8_lossy(&out.stderr));
        let after = String::from_utf8(out.stdout).unwrap();
        assert_eq!(before, explained(folder.path(), &after), "{layout}");
        assert_eq!(fs::read_to_string(folder.path().join("x.yaml")).unwrap(), after);
        let again = migrate(&after, Path::new("x.yaml")).unwrap();
        assert_eq!((again.text, again.notes.len()), (after, 0), "{layout}");
    }
    let rows = explained(folder.path(), &source("butler-11.1"));
    for row in [
        "Butler.influxDb.v1Config.dbName = sense",
        "Butler.influxDb.tag.static[0].name = butler_instance",
        "Butler.configQRS.headers.static[0].name = X-Qlik-User",
        "Butler.qlikSenseLicense.licenseRelease.neverRelease.user[1].userId = anna",
        "Butler.uptimeMonitor.storeInInfluxdb.enable = true",
        "Butler.heartbeat.frequency = every 30 seconds",
        "Butler.dockerHealthCheck.port = 12398",
    ] {
        assert!(rows.contains(&format!("{row}\n")), "{row}:\n{rows}");
    }
}

/// The whole text, so that the place of each comment can be seen.
#[test]
fn the_new_layout_keeps_comments_where_they_were() {
    let new = |layout| migrate(&source(layout), Path::new("x.yaml")).unwrap().text;
    insta::assert_snapshot!("migrated-11.1", new("butler-11.1"));
    insta::assert_snapshot!("migrated-12.4", new("butler-12.4"));
    insta::assert_snapshot!("migrated-brackets", new("brackets-12.0") + &new("butler-15"));
    assert_eq!(new("butler-16"), source("butler-16"));
}

/// Through the pipe, too: a mark of the byte order, line ends of Windows, signs that no terminal gets.
#[test]
fn the_bytes_of_all_other_lines_stay() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        source("butler-14").replace("real.\n", "real.\u{200b}\u{202e}\n").replace('\n', "\r\n");
    fs::write(folder.path().join("x.yaml"), format!("\u{feff}{text}")).unwrap();
    let out = output(&["config", "migrate", "x.yaml"], folder.path());
    let new = String::from_utf8(out.stdout).unwrap();
    assert!(
        new.starts_with("\u{feff}# Made up for a test")
            && new.contains("real.\u{200b}\u{202e}\r\n")
    );
    assert!(new.contains("\r\n    v1Config:\r\n      auth:\r\n        enable: true\r\n"), "{new}");
    assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
    assert_eq!(loaded(&new).settings, loaded(&text).settings);
}

#[test]
fn what_is_not_used_is_named() {
    let settings = loaded(&source("butler-11.1")).settings;
    assert_eq!(
        settings.unimplemented_line().unwrap(),
        "these settings of Butler's are not used by Bursar: \
         uptimeMonitor.storeInInfluxdb.instanceTag, influxDb.reloadTaskFailure"
    );
}

#[test]
fn the_file_changes_with_write_only_and_no_backup_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("butler.yaml");
    let text = source("butler-11.1");
    fs::write(&path, &text).unwrap();
    let rights = |path: &Path| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        }
        #[cfg(not(unix))]
        {
            0
        }
    };
    let before = rights(&path);
    let out = output(&["config", "migrate", "butler.yaml"], folder.path());
    assert!(out.status.success());
    let by_option = output(&["config", "migrate", "-c", "butler.yaml"], folder.path());
    assert_eq!(by_option.stdout, out.stdout);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    fs::write(folder.path().join("butler.yaml.backup"), "an older one").unwrap();
    let out = output(&["config", "migrate", "--write", "butler.yaml"], folder.path());
    assert!(out.status.success());
    assert_eq!(
        String::from_utf8(out.stdout).unwrap(),
        "butler.yaml: written; as it was: butler.yaml.backup2\n"
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("butler.yaml.backup"), "an older one");
    assert_eq!(read("butler.yaml.backup2"), text);
    let new = migrate(&text, Path::new("butler.yaml")).unwrap().text;
    assert_eq!(read("butler.yaml"), new);
    assert_eq!(rights(&path), before);

    // There is nothing left to do, so nothing is written.
    let out = output(&["config", "migrate", "--write", "butler.yaml"], folder.path());
    assert!(out.status.success());
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(said, "butler.yaml: it has today's layout already\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);

    #[cfg(unix)]
    {
        fs::write(folder.path().join("real.yaml"), &text).unwrap();
        std::os::unix::fs::symlink("real.yaml", folder.path().join("link.yaml")).unwrap();
        let out = output(&["config", "migrate", "--write", "link.yaml"], folder.path());
        assert_eq!(out.status.code(), Some(1));
        assert_eq!(read("real.yaml"), text);
    }
}

/// What protects somebody or marks points is never said to be removed, and no hint names a wrong place.
#[test]
fn hints_lose_no_tag_and_no_protection() {
    let text = "Butler:
  influxDb:
    instancetag: PROD
  configQRS:
    headerkey: X-Qlik-User
    headervalue: UserDirectory=A; UserId=b
  qlikSenseLicense:
    licenseMonitor:
      neverReleaseUsers: []
    licenseRelease:
      neverReleaseUser: [{userDir: A, userId: b}]
      keepThese: [A]
";
    let problems = load_text(text, Path::new("x.yaml"), &env()).unwrap_err();
    let lines = problems.iter().map(ToString::to_string).filter(|l| l.contains("not a setting"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

/// Both the old and the new key: today's place wins, and a list of people is the sum of both.
#[test]
fn a_file_with_both_layouts_loses_nothing() {
    let text = "Butler:
  cert: {clientCert: a, clientCertKey: b, clientCertCA: c}
  configQRS:
    host: sense.example.com
    headerKey: x-qlik-user
    headerValue: UserDirectory=OLD; UserId=old
    headers:
      static: # two
        - name: X-Qlik-User
          value: UserDirectory=NEW; UserId=new
  influxDb:
    enable: true
    hostIP: influx.example.com
    instanceTag: ''
    dbName: old
    auth: {enable: true, username: writer, password: invented}
    v1Config:
      dbName: new
      # the policy
      retentionPolicy: {name: a, duration: 10d}
    tag: # of every point
  qlikSenseLicense:
    licenseRelease:
      enable: true
      dryRun: true
      neverReleaseUsers: [{userDir: CORP, userId: old}] # as it was
      neverRelease:
        user:
        - userDir: CORP
          userId: new
";
    let old = loaded(text);
    assert_eq!(v1(&old), (pair("writer", "invented"), "new".to_owned(), pair("a", "10d")));
    assert_eq!(tags(&old), []);
    assert_eq!(headers(&old), [("X-Qlik-User", "UserDirectory=NEW; UserId=new")]);
    assert_eq!(protected(&old), ["CORP\\old", "CORP\\new"]);
    let new = migrate(text, Path::new("x.yaml")).unwrap();
    assert_eq!(loaded(&new.text).settings, old.settings);
    insta::assert_snapshot!(new.text);
    let notes: Vec<String> = new.notes.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("notes-of-both", notes.join("\n"));
}

#[test]
fn sites_have_old_keys_too() {
    let text = source("butler-16").replace("Butler:\n", "Butler:\n  sites:\n    - name: a\n      configQRS:\n        headerKey: X-Qlik-User\n        headerValue: UserDirectory=A; UserId=b\n      qlikSenseLicense:\n        licenseRelease:\n          neverReleaseUsers:\n          - {userDir: A, userId: b}\n    - name: b\n");
    let old = loaded(&text);
    assert_eq!(headers(&old), [("X-Qlik-User", "UserDirectory=A; UserId=b")]);
    assert_eq!(protected(&old), ["A\\b"]);
    let new = migrate(&text, Path::new("x.yaml")).unwrap();
    assert_eq!(loaded(&new.text).settings, old.settings);
    assert_eq!(new.notes.len(), 3);
}

/// A file that is put together from anchors can't be edited line by line: it is said, and nothing printed.
#[test]
fn what_lines_cannot_say_is_refused() {
    for (text, expected) in [
        ("x-db: &db\n  dbName: sense\nButler:\n  influxDb: *db\n", "editing lines"),
        (
            "x-db: &db\n  dbName: sense\nButler:\n  influxDb:\n    <<: *db\n    enable: true\n",
            "editing lines",
        ),
        ("Butler:\n  influxDb:\n    dbName: a\n    dbName: b\n", "twice"),
        ("Butler:\n  influxDb:\n    v1Config: text\n    dbName: a\n", "editing lines"),
        // Closed further left than YAML's own rule has it: whatever is said, nothing panics.
        (
            "Butler:\n  influxDb:\n    auth: {enable: true,\n  username: x}\n    v1Config: {}\n",
            "x.yaml:",
        ),
        (
            "Butler:\n  qlikSenseLicense:\n    licenseRelease:\n      neverReleaseUsers: [\n  {userDir: A, userId: b}]\n      neverRelease:\n        user:\n          - {userDir: C, userId: d}\n",
            "x.yaml:",
        ),
        ("Butler: [\n", "not valid YAML"),
    ] {
        let problems = migrate(text, Path::new("x.yaml")).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}{problems}");
    }
    let many: String = (0..400)
        .map(|n| format!("  - name: s{n}\n    influxDb: {{dbName: a, auth: {{}}, instanceTag: b, retentionPolicy: {{}}}}\n    configQRS: {{headerKey: a, headerValue: b}}\n"))
        .collect();
    let text = format!("Butler:\n  sites:\n{many}");
    let problems = migrate(&text, Path::new("x.yaml")).unwrap_err().to_string();
    assert!(problems.contains("2400 keys of older Butlers"), "{problems}");
}

/// One way to write a file of some Butler.
#[derive(Debug, Clone)]
struct Written {
    /// Which old keys are there, and in which order.
    keys: Vec<usize>,
    indent: usize,
    /// Which sections stand between brackets.
    brackets: [bool; 3],
    comments: bool,
    /// Which of today's sections are there as well.
    today: [bool; 3],
    windows: bool,
}

impl Written {
    fn text(&self) -> String {
        let pad = |depth: usize| " ".repeat(self.indent * depth);
        let mut out = String::from("Butler:\n");
        let fixed = [
            ("cert", vec!["clientCert: a", "clientCertKey: b", "clientCertCA: c"]),
            ("configQRS", vec!["host: sense.example.com"]),
            ("influxDb", vec!["enable: true", "hostIP: influx.example.com"]),
        ];
        for (section, lines) in fixed {
            out += &format!("{}{section}:", pad(1));
            let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
            let (number, is_flow) = match section {
                "configQRS" => (1, self.brackets[0]),
                "influxDb" => (2, self.brackets[1]),
                _ => (0, false),
            };
            let own =
                |key: &usize| (number == 1 && *key == 0) || (number == 2 && (1..5).contains(key));
            for key in self.keys.iter().filter(|key| own(key)) {
                lines.extend(self.key(*key, is_flow));
            }
            if number == 1 && !self.keys.contains(&0) {
                lines.push(
                    "headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}"
                        .into(),
                );
            }
            if number == 2 && self.today[0] {
                lines.push("tag: {static: [{name: env, value: prod}]}".into());
            }
            if number == 2 && self.today[1] {
                lines.push("v1Config: {}".into());
            }
            self.section(&mut out, lines, is_flow, 2);
        }
        out += &format!("{}qlikSenseLicense:\n{}licenseRelease:", pad(1), pad(2));
        let mut lines = vec!["enable: true".to_owned()];
        if self.keys.contains(&5) {
            lines.extend(self.key(5, self.brackets[2]));
        }
        if self.today[2] {
            lines.push("neverRelease: {user: [{userDir: CORP, userId: new}]}".into());
        }
        self.section(&mut out, lines, self.brackets[2], 3);
        if self.windows { out.replace('\n', "\r\n") } else { out }
    }

    /// The lines of an old key, without indentation.
    fn key(&self, key: usize, is_flow: bool) -> Vec<String> {
        let step = " ".repeat(self.indent);
        let lines: Vec<String> = match (key, is_flow) {
            (0, _) => vec![
                "headerKey: X-Qlik-User".into(),
                "headerValue: UserDirectory=A; UserId=b".into(),
            ],
            (1, false) => {
                vec!["auth:".into(), format!("{step}enable: true"), format!("{step}username: w")]
            }
            (1, true) => vec!["auth: {enable: true, username: 'w, r'}".into()],
            (2, _) => vec!["dbName: \"se:nse\"".into()],
            (3, false) => {
                vec![
                    "retentionPolicy:".into(),
                    format!("{step}name: p"),
                    format!("{step}duration: 10d"),
                ]
            }
            (3, true) => vec!["retentionPolicy: {name: p, duration: 10d}".into()],
            (4, _) => vec!["instanceTag: PROD".into()],
            (_, true) => vec!["neverReleaseUsers: [{userDir: CORP, userId: old}]".into()],
            (_, false) => vec![
                "neverReleaseUsers:".into(),
                "- userDir: CORP".into(),
                "  userId: old".into(),
                format!("{step}# and nobody else"),
            ],
        };
        if is_flow || !self.comments {
            return lines.into_iter().filter(|line| !line.trim_start().starts_with('#')).collect();
        }
        let mut out = vec![format!("# above {key}")];
        out.extend(lines.into_iter().enumerate().map(|(n, line)| {
            if line.contains('#') { line } else { format!("{line}   # {key}.{n}") }
        }));
        out.push(String::new());
        out
    }

    fn section(&self, out: &mut String, lines: Vec<String>, is_flow: bool, depth: usize) {
        if is_flow {
            *out += &format!(" {{{}}}\n", lines.join(", "));
            return;
        }
        out.push('\n');
        for line in lines {
            let pad = if line.is_empty() { 0 } else { self.indent * depth };
            *out += &format!("{}{line}\n", " ".repeat(pad));
        }
    }
}

fn written() -> impl proptest::strategy::Strategy<Value = Written> {
    use proptest::prelude::*;
    let keys = proptest::sample::subsequence((0..6).collect::<Vec<usize>>(), 0..=6).prop_shuffle();
    let flags = || (any::<bool>(), any::<bool>(), any::<bool>());
    (keys, 1..5_usize, flags(), flags(), any::<bool>(), any::<bool>()).prop_map(
        |(keys, indent, b, t, comments, windows)| Written {
            keys,
            indent,
            brackets: [b.0, b.1, b.2],
            comments,
            today: [t.0, t.1, t.2],
            windows,
        },
    )
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        cases: 512,
        failure_persistence: None,
        ..Default::default()
    })]

    /// Whatever the file looks like: it means the same in today's layout, every comment is there, and the
    /// lines that hold no old key are as they were.
    #[test]
    fn any_layout_means_the_same_when_it_is_migrated(written in written()) {
        let text = written.text();
        let old = loaded(&text);
        match migrate(&text, Path::new("x.yaml")) {
            Err(problems) => {
                // Lines can't be put between brackets.
                let mixed = written.today.contains(&true) && !written.brackets.iter().all(|b| *b);
                proptest::prop_assert!(mixed, "{}\n{}", problems, text);
            }
            Ok(new) => {
                proptest::prop_assert_eq!(&loaded(&new.text).settings, &old.settings, "{}", &new.text);
                let left = warnings(&loaded(&new.text));
                proptest::prop_assert!(!left.contains("a key of Butler"), "{}", left);
                proptest::prop_assert!(!left.contains("dryRun"), "{}", left);
                let names = new.notes.iter().filter(|n| !n.path.ends_with("dryRun")).count();
                let expected = written.keys.len() + usize::from(written.keys.contains(&0));
                proptest::prop_assert_eq!(names, expected);
                for comment in text.lines().filter_map(|l| l.split_once('#')).map(|(_, c)| c) {
                    proptest::prop_assert!(new.text.contains(comment), "{}\n{}", comment, &new.text);
                }
                let old_keys = ["header", "auth", "dbName", "retention", "instance", "neverRelease"];
                let unrelated = text.split_inclusive('\n').filter(|line| {
                    !line.contains('#') && !line.contains("Release: {") && !old_keys.iter().any(|key| line.contains(key))
                        && !["username", "  enable: true", "name: p", "duration", "user", "tag", "v1"]
                            .iter().any(|key| line.contains(key))
                });
                for line in unrelated {
                    proptest::prop_assert!(new.text.contains(line), "{}\n{}", line, &new.text);
                }
            }
        }
    }

    /// A file that was damaged is refused or means the same; nothing panics.
    #[test]
    fn a_damaged_file_is_refused_or_means_the_same(
        layout in proptest::sample::select(LAYOUTS.to_vec()),
        cuts in proptest::collection::vec((0_usize..4_000, 1_usize..12), 1..4),
        signs in proptest::collection::vec(
            (0_usize..4_000, proptest::sample::select(vec!["\n", "  ", "{", "]", "'", "#", ": ", "- ", "&a ", "*a"])),
            0..3,
        ),
    ) {
        let mut text = source(layout);
        for (at, length) in cuts {
            let at = at % text.len();
            let end = (at + length).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) {
                text.replace_range(at..end, "");
            }
        }
        for (at, sign) in signs {
            let at = at % text.len();
            if text.is_char_boundary(at) {
                text.insert_str(at, sign);
            }
        }
        if let Ok(new) = migrate(&text, Path::new("x.yaml"))
            && let Ok(old) = load_text(&text, Path::new("x.yaml"), &env())
        {
            proptest::prop_assert_eq!(&loaded(&new.text).settings, &old.settings, "{}\n{}", text, new.text);
        }
    }
}

/// Three files with other mistakes got one and the same line.
#[test]
fn what_can_not_be_migrated_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Butler:\n  qlikSenseLicense:\n    licenseRelease:\n      enable: true\n      neverReleaseUsers: CORP\\anna\n";
    fs::write(folder.path().join("butler.yaml"), text).unwrap();
    let out = output(&["config", "migrate", "butler.yaml"], folder.path());
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success());
    assert!(said.contains("neverRelease"), "{said}");
    assert!(said.contains("butler.yaml:5:"), "{said}");
}
