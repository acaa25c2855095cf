//! What the commands say of the demo is what its history was made of.

use std::path::Path;

use bursar::simulator::Scenario;
use bursar::simulator::past::{Past, Story};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use crate::support::process::{Process, bursar, until};

/// Days of a month on average.
const MONTH: f64 = 30.4375;

fn json(folder: &Path, command: &[&str]) -> Value {
    let file = folder.join("bursar.yaml");
    let output = bursar(command).args(["--json", "-c"]).arg(&file).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    // What is wrong with the app is an exit code of its own.
    assert!(output.status.success() || command == ["monitor-app"], "{command:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_commands_say_of_the_demo_what_its_history_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let demo = bursar(&["demo", "--once", "--port", "0", "--level", "error", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let past = Past::demo(&Scenario::demo(), Utc::now());
    let stories = [("professional", &past.professional), ("analyzer", &past.analyzer)];
    let ask = |command: &[&str]| json(folder.path(), command);
    let of_type = |answer: &Value, wanted: &str| -> Value {
        let types = answer["sites"][0]["types"].as_array().unwrap();
        types.iter().find(|t| t["seatType"] == wanted).unwrap().clone()
    };

    let (growth, forecast) = (ask(&["insight", "growth"]), ask(&["insight", "forecast"]));
    for (name, story) in stories {
        let growth = &of_type(&growth, name)["growth"];
        let middle = growth["perMonth"]["middle"].as_f64().unwrap();
        assert!((middle / story.per_month - 1.0).abs() < 0.05, "{name}: {middle}");
        let released: u32 = past
            .clean_ups
            .iter()
            .map(|c| if name == "analyzer" { c.analyzer } else { c.professional })
            .sum();
        assert_eq!(growth["addedBack"], released, "{name}");
        near_the_truth(&of_type(&forecast, name)["forecast"], story, name);
    }

    let months = ask(&["insight", "utilization", "--months", "36"]);
    for (name, story) in stories {
        let periods = of_type(&months, name)["periods"].as_array().unwrap().clone();
        let mut entitled: Vec<f64> =
            periods.iter().map(|period| period["entitled"].as_f64().unwrap()).collect();
        entitled.dedup();
        assert_eq!(entitled, [story.total_before, story.total], "{name}: one purchase");
    }
    let professional = of_type(&months, "professional");
    let by_month = professional["seasonsOfUse"]["byMonth"]["parts"].as_array().unwrap();
    let difference = |month: usize| by_month[month - 1]["difference"].as_f64().unwrap();
    assert!((1..=12).all(|month| difference(7) <= difference(month)), "{by_month:?}");

    let cost = &ask(&["insight", "cost"])["sites"][0]["cost"];
    assert_eq!(cost["entitled"]["amount"], "550800.00", "120 x 1300 + 900 x 420 + 240 x 70");
    let capacity = &ask(&["insight", "capacity"])["sites"][0]["capacity"];
    assert_eq!(capacity["usable"], past.minutes);
    let activity = ask(&["insight", "activity"]);
    assert!(activity.to_string().contains("professional"), "{activity}");

    what_the_rules_would_have_done(&ask(&["release", "simulate", "--names"]), past.gap);

    let alerts = ask(&["alert", "list"]).to_string();
    // A day less when the demo's fast clock has passed midnight.
    let days = |left: u32| alerts.contains(&format!("\"daysUntilExpiry\":{left},"));
    assert!(alerts.contains("serverLicenseExpiring") && (days(41) || days(40)), "{alerts}");
    let file = folder.path().join("bursar.yaml");
    let silence = bursar(&["alert", "silence", "--rule", "serverLicenseExpiring", "--for", "7d"])
        .args(["--why", "renewal is ordered", "-c"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(silence.status.success(), "{}", String::from_utf8_lossy(&silence.stderr));
    let silences = || ask(&["alert", "list"])["silences"].clone();
    assert_eq!(silences()[0]["why"], "renewal is ordered");
    let end = bursar(&["alert", "unsilence", "1", "-c"]).arg(&file).output().unwrap();
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    assert_eq!(silences(), serde_json::json!([]));
    let happened = ask(&["alert", "history"]).to_string();
    assert!(happened.contains("serverLicenseExpiring"), "{happened}");
    let app = ask(&["monitor-app"]).to_string();
    assert!(app.contains("\"failed\"") && app.contains("401"), "{app}");
}

/// What a person asks beside a running demo is answered by its clock, and by no other site's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_beside_a_running_demo_go_by_its_clock() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let args = ["demo", "--speed", "3600", "--port", "0", "--level", "error", "--dir", dir];
    let demo = Process::spawn(bursar(&args).current_dir(&folder));
    let file = folder.path().join("bursar.yaml");
    let run = |args: &[&str]| {
        let output = bursar(args).arg("-c").arg(&file).output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said.into_owned())
    };
    let time = |what: &str| -> DateTime<Utc> {
        let answer = json(folder.path(), &["insight", "growth"]);
        answer["time"].as_str().unwrap().parse().unwrap_or_else(|_| panic!("{what}: {answer}"))
    };
    until("the demo has a run", async || {
        let (code, said) = run(&["release", "history"]);
        (code == Some(0) && said.contains("rehearsal")).then_some(())
    })
    .await;
    let ahead = time("beside it") - Utc::now();
    assert!(ahead > TimeDelta::minutes(30), "{ahead}");
    for args in [
        &["status"][..],
        &["check"],
        &["release", "plan"],
        &["insight", "forecast"],
        &["alert", "list"],
    ] {
        let (code, said) = run(args);
        // Of the demo's backlog more is due than the rules let go at once.
        let stopped = args[0] == "release" && code == Some(3) && said.contains("percent");
        assert!(code == Some(0) || stopped, "{args:?}: {said}");
        for wrong in ["in the future", "site's clock", "synchronise"] {
            assert!(!said.contains(wrong), "{args:?}: {said}");
        }
    }
    // A second one leaves the files of the first alone.
    let second = bursar(&["demo", "--once", "--port", "0", "--dir", dir]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("a demo runs in"), "{said}");
    assert_eq!(run(&["insight", "growth"]).0, Some(0), "its settings are as they were");
    // Another site's idle days must not be counted by it.
    let other = folder.path().join("other.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let here = "certificates\n    host: 127.0.0.1";
    assert!(text.contains(here));
    std::fs::write(&other, text.replace(here, "certificates\n    host: qlik")).unwrap();
    let commands = [&["status"][..], &["check"], &["release", "plan"], &["insight", "forecast"]];
    for args in commands.into_iter().chain([&["run"][..]]) {
        let output = bursar(args).arg("-c").arg(&other).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("is the store of a demo"), "{args:?}: {said}");
    }
    let (status, rest) = demo.terminate();
    assert!(status.success(), "{rest:?}");
    // After the end it has its usual pace, and the next demo goes on from there.
    let ended = time("after it");
    assert!(ended > Utc::now() + ahead, "{ended}");
    assert!(time("again") - ended < TimeDelta::minutes(10));
    let again = ["demo", "--once", "--port", "0", "--level", "error", "--dir", dir];
    let again = bursar(&again).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert!(time("the second time") >= ended);
}

/// What somebody else has in the folder stays.
#[test]
fn a_demo_takes_no_folder_of_somebody_else() {
    for name in ["bursar.yaml", "bursar.db"] {
        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join(name);
        std::fs::write(&theirs, "Butler: {}\n").unwrap();
        let demo = bursar(&["demo", "--once", "--port", "0", "--dir"]).arg(folder.path()).output();
        let demo = demo.unwrap();
        assert_eq!(demo.status.code(), Some(1));
        let said = String::from_utf8_lossy(&demo.stderr).into_owned();
        assert!(said.contains("let --dir name another folder"), "{said}");
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "Butler: {}\n");
    }
}

/// A year of gaps is there: a shorter threshold takes more, and of those more come back.
fn what_the_rules_would_have_done(answer: &Value, (first, last): (NaiveDate, NaiveDate)) {
    let silent = first.iter_days().take_while(|day| *day <= last);
    let silent: Vec<_> = silent.map(|day| day.to_string()).collect();
    let types = answer["types"].as_array().unwrap();
    assert_eq!(types.len(), 2, "{answer}");
    for of_type in types {
        assert_eq!(of_type["undecided"], 0);
        let mut before: Option<(u64, u64)> = None;
        for threshold in of_type["thresholds"].as_array().unwrap() {
            let exact = |bounds: &Value| {
                assert_eq!(bounds["atLeast"], bounds["atMost"], "{bounds}");
                bounds["atLeast"].as_u64().unwrap()
            };
            let now =
                (exact(&threshold["released"]), exact(&threshold["cameBack"]["within90Days"]));
            assert!(now.0 > now.1, "{now:?}");
            assert!(before.is_none_or(|before| now.0 <= before.0), "{before:?} {now:?}");
            let days = threshold["days"].as_array().unwrap();
            let unknown = days.iter().filter(|day| day["free"].is_null());
            let unknown: Vec<_> = unknown.map(|day| day["day"].as_str().unwrap()).collect();
            assert_eq!(unknown, silent, "nobody looked");
            before = Some(now);
        }
        assert!(before.unwrap().0 > 0, "180 days: {before:?}");
    }
}

/// The seats run out when those that nobody has have grown away, a week more or less than the range.
fn near_the_truth(forecast: &Value, story: &Story, name: &str) {
    let day =
        |key: &str| -> NaiveDate { forecast["runsOut"][key].as_str().unwrap().parse().unwrap() };
    let number = |key: &str| forecast[key].as_f64().unwrap();
    // The first poll that shows all taken that can be given out: half a seat counts as one, and seats
    // come and go around the line.
    let left = number("free") - 0.5 - story.allocated / 400.0;
    let days = (left / story.per_month * MONTH) as i64;
    let truth = Utc::now().date_naive() + TimeDelta::days(days);
    let (earliest, latest) = (day("earliest"), day("latest"));
    let week = TimeDelta::days(7);
    assert!(earliest - week <= truth && truth <= latest + week, "{name}: {truth} {forecast}");
}
