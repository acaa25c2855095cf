//! Texts that want to be more than text, in every field that comes from outside, on every surface.

use std::path::Path;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::Monitor;
use bursar::simulator::{
    Fault, FaultRule, Population, PropertySpec, Scenario, SeatKind, SeatSpec, UserSpec, When,
};

use super::{LOOKS, PAGES};
use crate::support::process::{LIMIT, Process, bursar};
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::Setup;

/// Hides text, sets the title of a window, recolours, ends a line and forges the next, turns the order
/// of letters, takes no room, is markup and a formula. `FORGED` must never begin a line, and `HIDDEN`
/// never stands behind a code.
const HOSTILE: &str = "=1+1;=2\u{1b}[8mHIDDEN\u{1b}]0;title\u{7}\u{9b}31m\r\nFORGED 1\u{85}FORGED 2\
                       \u{2028}FORGED 3\u{202e}gnp.\u{2066}x\u{200b}\u{ad}\t=3|`*_[a](http://b)<b>&amp;";

/// Where a user of a site stands: ids have no line ends, which would be no id.
fn named(n: usize) -> String {
    format!("u{n}{}", HOSTILE.replace(['\\', '\r', '\n'], ""))
}

fn scenario() -> Scenario {
    let directory = "CO\u{202e}RP\u{1b}[8m";
    let user = |n: usize| UserSpec {
        directory: directory.into(),
        user_id: named(n),
        name: HOSTILE.into(),
        roles: vec![HOSTILE.into()],
        tags: vec![HOSTILE.into()],
        groups: vec![HOSTILE.into()],
        custom_properties: vec![PropertySpec { name: HOSTILE.into(), value: HOSTILE.into() }],
        ..UserSpec::default()
    };
    let seat = |n: usize, days| SeatSpec {
        kind: SeatKind::Analyzer,
        user: format!("{directory}\\{}", named(n)),
        last_used: When::days_ago(days),
        ..SeatSpec::default()
    };
    let users = (0..8).map(user).collect();
    let seats = (0..8).map(|n| seat(n, if n == 0 { 100 } else { 1 })).collect();
    let population = Population { users: 0, professional: 0, analyzer: 0, ..Population::default() };
    let mut scenario =
        Scenario { population, users, seats, version: HOSTILE.into(), ..Scenario::default() };
    scenario.license_monitor.app_name = format!("License Monitor {HOSTILE}");
    scenario.license_monitor.stream = HOSTILE.into();
    scenario.license_monitor.task_name = HOSTILE.into();
    scenario.license_monitor.status = 8;
    for (path, name) in [
        ("/qrs/license", "name"),
        ("/qrs/license", "organization"),
        ("/qrs/license", "product"),
        ("/qrs/executionresult", "scriptLogLocation"),
    ] {
        let fault = Fault::Field { name: name.into(), value: HOSTILE.into() };
        let rule = FaultRule { path: path.into(), fault, ..FaultRule::default() };
        scenario.faults.push(rule);
    }
    scenario
}

const RELEASE: &str = "    licenseRelease:
      enable: true
      dryRun: false
      licenseKeyShared: false
      licenseType:
        analyzer: {enable: true, releaseThresholdDays: 30}
";

/// In double quotes, with an escape for whatever YAML doesn't take as it is.
fn in_yaml(text: &str) -> String {
    let sign = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(sign).collect::<String>())
}

fn yaml(setup: &Setup, receiver: &Receiver) -> String {
    let quoted = in_yaml(HOSTILE);
    let more = format!(
        "    licenseMonitorApp: {{enable: true, appName: {app}, destination: {{webhook: {{enable: true, sendRecurring: {{enable: true}}}}}}}}
{RELEASE}  webhookNotification:
    enable: true
    qlikSenseLicenseMonitorApp:
      webhooks:
        - {{description: {quoted}, webhookURL: '{url}', httpMethod: POST}}
  influxDb:
    enable: true
    hostIP: 127.0.0.1
    hostPort: {port}
    version: 1
    v1Config: {{dbName: {quoted}}}
  fileLogging: true
  logDirectory: log
  web: {{enable: true, port: 0, showNames: true}}
",
        app = in_yaml(&format!("License Monitor {HOSTILE}")),
        url = receiver.url("/app"),
        port = receiver.url("").rsplit(':').next().unwrap(),
    );
    let yaml = setup.yaml("every 24 hours", &more);
    yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}")
}

/// Nothing that steers, misleads or forges. `is_table`: line ends may stand within cells.
fn assert_plain(place: &str, text: &str, is_table: bool) {
    let text = text.replace("\r\n", "\n");
    // Colours of our own.
    let mut rest = text.clone();
    for code in ["0", "1", "2", "3", "31", "32", "33", "34", "35", "36"] {
        rest = rest.replace(&format!("\u{1b}[{code}m"), "");
    }
    let steers = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}' | '\u{2028}' | '\u{ad}')
    };
    let found = rest.char_indices().find(|(_, c)| steers(c));
    if let Some((at, c)) = found {
        let line = rest[..at].lines().last().unwrap_or_default();
        panic!("{place} has {c:?} behind {line:?}");
    }
    // Long texts are broken between words, and set in.
    let forged = rest.lines().find(|line| line.starts_with("FORGED"));
    assert!(is_table || forged.is_none(), "{place} has a forged line:\n{rest}");
}

fn run(place: &Path, args: &[&str]) -> (i32, String) {
    let mut command = bursar(args);
    command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").current_dir(place);
    let output = command.output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!text.contains("panicked"), "{args:?}: {text}");
    assert!(!text.contains("unexpected argument"), "{args:?}: {text}");
    (output.status.code().unwrap(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_from_outside_is_more_than_text_on_any_surface() {
    let receiver = Receiver::start().await;
    receiver.set(Mood::Status(400));
    let setup = Setup::new(scenario()).await;
    let place = setup.folder.path();
    setup.write(&yaml(&setup, &receiver));
    let file = "bursar.yaml";
    let mut daemon = Process::spawn(
        bursar(&["run", "-c", file])
            .env_remove("NO_COLOR")
            .env("CLICOLOR_FORCE", "1")
            .current_dir(place),
    );
    let page = daemon.wait_for("status page at http://");
    let page = page.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    daemon.wait_for("server license");
    receiver.wait(|calls| calls.iter().any(|call| call.path == "/app")).await;

    let explained = format!("CO\u{202e}RP\u{1b}[8m\\{}", named(0));
    let accepted = ["release", "accept", "percent", "--why", HOSTILE, "--until", "2099-01-01"];
    let acts = [
        &["alert", "silence", "--rule", "seatsLow", "--for", "7d", "--why", HOSTILE][..],
        &["alert", "list"],
        &["release", "plan", "--explain", &explained],
        &["release", "plan", "--explain", HOSTILE],
        &accepted,
        &["release", "lock", "--until", "2099-01-01", "--why", HOSTILE],
        &["status"],
        &["release", "unlock"],
        &["release", "apply", "--yes", "--accept", "percent"],
        &["release", "history"],
        &["release", "undo", &explained, "--yes"],
        &["audit", "show", "--user", &named(0)],
        &["audit", "show", "--user", &named(0), "--json"],
        &["audit", "show", "--user", HOSTILE],
    ];
    let acts = acts.map(|args| (args.to_vec(), false));
    let looks = LOOKS.iter().map(|(args, is_table)| (args.split(' ').collect(), *is_table));
    let looks: Vec<(Vec<&str>, bool)> = looks.collect();
    // Before anything was done, and after.
    for (args, is_table) in looks.iter().cloned().chain(acts).chain(looks.iter().cloned()) {
        let (_, said) = run(place, &[&args[..], &["-c", file]].concat());
        assert!(!said.is_empty() || args.ends_with(&["jsonl"]), "{args:?}");
        assert_plain(&format!("{args:?}"), &said, is_table);
    }
    let get = async |path: &str| {
        reqwest::get(format!("http://{page}{path}")).await.unwrap().text().await.unwrap()
    };
    let mut paths: Vec<String> = PAGES.iter().map(|path| (*path).to_owned()).collect();
    let seats = get("/site/default/seats").await;
    let people = seats.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    paths.extend(people.filter(|link| link.contains("/person/")).map(str::to_owned));
    assert!(paths.len() > PAGES.len(), "people are named: {seats}");
    for path in &paths {
        let text = get(path).await;
        let is_table = path.ends_with(".csv");
        assert_plain(path, &text, is_table);
        let is_page = text.starts_with("<!");
        assert!(!is_page || !text.contains("<b>"), "{path} has markup");
    }
    let asked =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("q", HOSTILE).finish();
    for path in
        [format!("/site/default/seats?{asked}"), format!("/site/default/trends?type={asked}")]
    {
        let text = get(&path).await;
        assert_plain(&path, &text, false);
        assert!(!text.contains("<b>"), "{path} has markup");
    }
    let (_, lines) = daemon.terminate();
    for line in &lines {
        assert_plain("the log", line, false);
    }
    let mut logs = String::new();
    for entry in std::fs::read_dir(place.join("log")).unwrap() {
        logs.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert!(logs.lines().count() > 3, "{logs}");
    assert!(
        logs.lines().all(|line| line.starts_with("20")),
        "each line begins with its time:\n{logs}"
    );
    assert_plain("the log file", &logs, false);
    assert_eq!(Monitor::App.as_str().lines().count(), 1);
}

/// Keys and values of settings, which somebody else may have written.
#[test]
fn hostile_settings_are_told_of_in_plain_lines() {
    let folder = tempfile::tempdir().unwrap();
    let quoted = in_yaml(HOSTILE);
    for yaml in [
        format!("Butler:\n  {quoted}: 1\n"),
        format!("Butler:\n  logLevel: {quoted}\n"),
        format!("Butler:\n  configQRS: {{host: {quoted}, port: 1}}\n"),
        format!("Butler:\n  sites: [{{name: {quoted}}}, {{name: {quoted}}}]\n"),
        format!("Butler:\n  timeZone: {quoted}\n  storage: {{path: {quoted}}}\n"),
        format!("Butler:\n  cert: {{clientCert: {quoted}}}\n"),
        format!(
            "Butler:\n  influxDb: {{enable: true, hostIP: {quoted}, v1Config: {{dbName: {quoted}}}}}\n"
        ),
        format!(
            "Butler:\n  qlikSenseLicense: {{licenseMonitor: {{enable: true, frequency: {quoted}}}}}\n"
        ),
        format!("Butler:\n  email: {{enable: true, from: {quoted}, to: [{quoted}]}}\n"),
        format!(
            "Butler:\n  webhookNotification: {{qlikSenseAlert: {{webhooks: [{{template: {quoted}}}]}}}}\n"
        ),
        "Butler: [\u{1b}[8m\u{202e}".to_owned(),
        HOSTILE.to_owned(),
    ] {
        std::fs::write(folder.path().join("x.yaml"), &yaml).unwrap();
        for args in [
            &["config", "check"][..],
            &["config", "explain"],
            &["check"],
            &["check", "--json"],
            &["run"],
        ] {
            let (code, said) = run(folder.path(), &[args, &["-c", "x.yaml"]].concat());
            assert_eq!(code, 2, "{args:?}: {said}");
            assert_plain(&format!("{args:?} of {yaml:?}"), &said, false);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_decide_as_they_are() {
    // What is shown is made safe; what is compared and stored is not changed.
    let setup = Setup::new(scenario()).await;
    let receiver = Receiver::start().await;
    let settings = setup.load(&yaml(&setup, &receiver));
    let daemon = Daemon::start(settings, Clock::System).await.unwrap();
    let read = async {
        loop {
            let health = daemon.store().health().await.unwrap();
            if health.iter().any(|h| h.monitor == Monitor::Seats && h.last_success.is_some()) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, read).await.expect("hostile names are names");
    daemon.stop().await;
}
