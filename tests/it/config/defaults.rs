//! What the program writes as its defaults are its defaults.

use std::path::Path;

use bursar::config::{FixedEnvironment, Settings};
use proptest::prelude::*;

fn settings(text: &str) -> Settings {
    let environment = FixedEnvironment::default();
    let loaded = bursar::config::load_text(text, Path::new("x.yaml"), &environment);
    loaded.unwrap_or_else(|problems| panic!("{problems}\n{text}")).settings
}

/// What the example has to have: who asks which site, with which certificates, and what is watched.
const WATCHED: &str = "Butler:
  configQRS:
    host: qlik.example.com
    headers: {static: [{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}]}
  cert: {clientCert: ./a.pem, clientCertKey: ./b.pem, clientCertCA: ./c.pem}
  qlikSenseLicense:
    serverLicenseMonitor: {enable: true}
    licenseMonitor: {enable: true}
";

/// The text of `config default` with what `WATCHED` has in place of its own.
fn defaults_as_a_file() -> String {
    let mut section = Vec::<String>::new();
    let text = bursar::config::default_yaml();
    let lines = text.lines().map(|line| {
        let indent = line.len() - line.trim_start().len();
        let Some((key, _)) = line.trim_start().split_once(':') else { return line.to_owned() };
        if line.trim_start().starts_with(['#', '-']) {
            return line.to_owned();
        }
        section.truncate(indent / 2);
        section.push(key.to_owned());
        let watched = [
            "Butler.qlikSenseLicense.serverLicenseMonitor.enable",
            "Butler.qlikSenseLicense.licenseMonitor.enable",
        ];
        if watched.contains(&section.join(".").as_str()) {
            line.replace("false", "true")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A file of what `config explain` lists, but for what isn't set.
fn explained_as_a_file(text: &str) -> String {
    let environment = FixedEnvironment::default();
    let loaded = bursar::config::load_text(text, Path::new("x.yaml"), &environment).unwrap();
    let explained = bursar::config::explain(&loaded);
    let mut root = serde_json::Value::Null;
    for line in explained.lines() {
        let Some((path, rest)) = line.split_once("  ") else { continue };
        let rest = rest.trim_start();
        let value = rest.split_once("  ").map_or(rest, |(value, _)| value);
        if value == "(not set)" || value == "***" {
            continue;
        }
        let mut place = &mut root;
        for part in path.split('.') {
            let (key, index) = match part.split_once('[') {
                Some((key, index)) => (key, index.trim_end_matches(']').parse::<usize>().ok()),
                None => (part, None),
            };
            place = &mut place[key];
            if let Some(index) = index {
                if place.is_null() {
                    *place = serde_json::json!([]);
                }
                let list = place.as_array_mut().unwrap();
                while list.len() <= index {
                    list.push(serde_json::Value::Null);
                }
                place = &mut list[index];
            }
        }
        *place = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    }
    serde_json::to_string(&root).unwrap()
}

/// What a file that is written out whole means, with the few values that the example needs.
fn with_the_same_site(mut settings: Settings, like: &Settings) -> Settings {
    let (own, known) = (&mut settings.sites[0], &like.sites[0]);
    own.connection = known.connection.clone();
    settings
}

#[test]
fn a_file_with_all_defaults_changes_nothing() {
    let expected = settings(WATCHED);
    let written = with_the_same_site(settings(&defaults_as_a_file()), &expected);
    assert_eq!(written.sites[0].alert, expected.sites[0].alert, "steps and limits");
    assert_eq!(written.sites, expected.sites);
    assert_eq!(written, expected);
    let explained = settings(&explained_as_a_file(WATCHED));
    assert_eq!(explained.sites, expected.sites);
    assert_eq!(explained, expected);
}

/// What people start from says who, where and what, and leaves all the rest as it is.
#[test]
fn the_starter_and_the_examples_leave_limits_and_steps_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let readme = read("README.md");
    let (_, example) = readme.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let default = bursar::alert::Policy::default();
    let files = [
        "config/bursar.yaml",
        "deploy/bursar.yaml",
        "deploy/debian/bursar.yaml",
        "deploy/windows/bursar.yaml",
    ];
    for text in files.map(read).iter().map(String::as_str).chain([example]) {
        let written = settings(text);
        assert_eq!(written.alert, default, "{text}");
        assert_eq!(written.sites[0].alert, default, "{text}");
    }
    // What it names as the two monitors is what they are without a word.
    let (starter, expected) = (settings(&read("config/bursar.yaml")), settings(WATCHED));
    let (starter, expected) = (&starter.sites[0], &expected.sites[0]);
    assert_eq!(starter.server_license, expected.server_license);
    assert_eq!(starter.access_license, expected.access_license);
    assert_eq!(starter.seats, expected.seats);
}

/// The steps of the server license stay what they were.
#[test]
fn the_steps_of_the_server_license_are_those_of_the_catalogue() {
    let steps = &settings(&defaults_as_a_file()).sites[0].alert.limits.server_license_steps;
    assert_eq!(*steps, bursar::alert::catalogue::STEPS);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written: what `explain` shows of it means the same.
    #[test]
    fn what_explain_shows_means_the_same(
        threshold in proptest::option::of(0_i64..400),
        repeat in 1_i64..100,
        seats in proptest::option::of(0_i64..50),
        percent in proptest::option::of(0_i64..=100),
        hold in proptest::option::of(0_i64..600),
        each_poll in any::<bool>(),
        watch in any::<bool>(),
    ) {
        let written = |key: &str, value: Option<i64>| {
            value.map_or(String::new(), |value| format!("{key}: {value}"))
        };
        let repeat = if each_poll { "repeat: eachPoll".to_owned() } else { format!("repeatHours: {repeat}") };
        let all = [written("seats", seats), written("percent", percent), written("forMinutes", hold)];
        let rule: Vec<String> = all.into_iter().filter(|one| !one.is_empty()).collect();
        let text = format!(
            "{WATCHED}    seatMonitor: {{enable: {watch}}}\n    serverLicenseMonitor: {{enable: true, alert: {{{}}}}}\n  alert: {{{repeat}, rules: {{seatsLow: {{{}}}}}}}\n",
            written("thresholdDays", threshold),
            rule.join(", "),
        )
        .replacen("    serverLicenseMonitor: {enable: true}\n", "", 1);
        let (expected, explained) = (settings(&text), settings(&explained_as_a_file(&text)));
        prop_assert_eq!(explained, expected);
    }
}
