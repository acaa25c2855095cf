//! The rules for Prometheus, by Prometheus' own tool.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus")
}

fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder()).stdin(Stdio::piped());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("promtool is not installed: apt-get install prometheus");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn passes(arguments: &[&str], input: &str) {
    let output = promtool(arguments, input);
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "promtool {}: {}", arguments.join(" "), said.concat());
    assert!(!said.concat().contains("FAILED"), "{}", said.concat());
}

/// What `promtool check metrics` says of names, units and help texts.
pub fn promtool_finds_no_fault_with(metrics: &str) {
    let output = promtool(&["check", "metrics"], metrics);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    let output = promtool(&["check", "metrics"], "# TYPE a_total gauge\na_total 1\n");
    assert!(!output.status.success(), "it finds faults at all");
}

#[test]
fn the_settings_and_rules_of_prometheus_are_sound() {
    passes(&["check", "config", "prometheus.yml"], "");
    passes(&["check", "rules", "rules/alerts.yml", "rules/recording.yml"], "");
}

#[test]
fn each_alert_of_prometheus_fires_when_it_should() {
    passes(&["test", "rules", "tests/rules.yml", "tests/license_end.yml"], "");
    let read = |file: &str| std::fs::read_to_string(folder().join(file)).unwrap();
    let rules = read("rules/alerts.yml");
    let tests = read("tests/rules.yml") + &read("tests/license_end.yml");
    let mut alerts = 0;
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let fires = format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels");
        assert!(tests.contains(&fires), "no test says when {alert} fires");
        alerts += 1;
    }
    assert!(alerts > 15, "{alerts} alerts");
    for file in ["rules/alerts.yml", "rules/recording.yml"] {
        for name in metrics_in(&read(file)) {
            assert!(super::names().contains(&name), "{file} asks for {name}, which is none");
        }
    }
}

/// The metrics that an expression names; those of recording rules have colons.
pub fn metrics_in(text: &str) -> Vec<String> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words =
        text.lines().filter(|line| !line.contains("record:") && !line.contains("description:"));
    let words = words.flat_map(|line| line.split(|c| !of_name(c)));
    let own = |word: &&str| word.starts_with("bursar_") && !word.contains(':');
    words.filter(own).map(str::to_owned).collect()
}
