//! What the commands say of the demo is what its history was made of.

mod truth;

use std::path::Path;

use bursar::simulator::past::Past;
use bursar::simulator::{Scenario, SeatKind};
use bursar::store::demo::clock_of;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::support::process::{Process, bursar, until};

/// Days of a month on average.
const MONTH: f64 = 30.4375;

fn json(folder: &Path, command: &[&str]) -> Value {
    let file = folder.join("bursar.yaml");
    let output = bursar(command).args(["--json", "-c"]).arg(&file).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    // What is wrong with the app, and what stops a run, is an exit code of its own.
    let tells = [&["monitor-app"][..], &["release", "plan"]].contains(&command);
    assert!(output.status.success() || tells, "{command:?}: {error}");
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
    let clock = clock_of(&folder.path().join("bursar.db")).unwrap();
    let past = Past::demo(&Scenario::demo(), clock.start);
    let ask = |command: &[&str]| json(folder.path(), command);
    let months = ask(&["insight", "utilization", "--months", "36"]);
    let types = months["sites"][0]["types"].as_array().unwrap();
    let professional = types.iter().find(|t| t["seatType"] == "professional").unwrap();
    let by_month = professional["seasonsOfUse"]["byMonth"]["parts"].as_array().unwrap();
    let difference = |month: usize| by_month[month - 1]["difference"].as_f64().unwrap();
    assert!((1..=12).all(|month| difference(7) <= difference(month)), "{by_month:?}");

    let cost = &ask(&["insight", "cost"])["sites"][0]["cost"];
    assert_eq!(cost["entitled"]["amount"], "550800.00", "120 x 1300 + 900 x 420 + 240 x 70");
    what_the_rules_would_have_done(&ask(&["release", "simulate", "--names"])["sites"][0], &past);

    // Nobody goes on with it, and the rehearsal of the demo is not the last run that took seats.
    let status = ask(&["status"]);
    assert_eq!(status["daemonRuns"], false);
    let site = &status["sites"][0];
    assert_eq!(site["lastRun"]["mode"], "rehearsal", "{site}");
    let started = site["lastRealRun"]["started"].as_str().unwrap();
    assert_eq!(started.parse::<DateTime<Utc>>().unwrap(), past.clean_ups[1].time);
    let output = bursar(&["status", "-c"]).arg(folder.path().join("bursar.yaml")).output();
    let text = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
    for part in ["No daemon runs on this store", "run (rehearsal)", "run (real)", "6 released"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }

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
    // Its story: it went well until three runs ago, and the data are of the last one that did.
    let app = ask(&["monitor-app"])["sites"][0].clone();
    let runs = app["runs"].as_array().unwrap();
    let is_good = |run: &&serde_json::Value| run["statusName"] == "FinishedSuccess";
    let failed = runs.iter().take_while(|run| !is_good(run)).count();
    assert_eq!(app["state"]["failures"], failed, "{app}");
    assert_eq!(failed, 3, "{app}");
    assert!(runs[failed..].iter().all(|run| is_good(&run)) && runs.len() > failed, "{app}");
    assert_eq!(app["state"]["dataFrom"], runs[failed]["stop"], "{app}");
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
        // What a reason means is said beside it.
        let said = said.lines().filter(|line| !line.contains("future-date"));
        let said = said.collect::<Vec<_>>().join("\n");
        for wrong in ["in the future", "site's clock", "synchronise"] {
            assert!(!said.contains(wrong), "{args:?}: {said}");
        }
    }
    // Its file is as it was, whatever else the demo was started with.
    let (code, said) = run(&["reload"]);
    assert!(code == Some(0) && said.contains("nothing changed"), "{code:?}: {said}");
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
    let receiver = || {
        let text = std::fs::read_to_string(&file).unwrap();
        text.split("webhookURL: ").nth(1).unwrap().split('/').nth(2).unwrap().to_owned()
    };
    let before = receiver();
    let again = ["demo", "--once", "--port", "0", "--level", "error", "--dir", dir];
    let again = bursar(&again).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert!(time("the second time") >= ended);
    // Unless somebody else took the address meanwhile, its queues are those of before.
    if receiver() == before {
        let queues = json(folder.path(), &["status"])["queues"].clone();
        let queues = queues.as_array().unwrap();
        assert!(!queues.is_empty() && queues.iter().all(|q| q["title"].is_string()), "{queues:?}");
    }
}

/// The first thing to try ends with the address of the page, and opens it where that is wanted and possible.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_opened_or_its_address_is_told() {
    use std::os::unix::fs::PermissionsExt as _;

    for opens in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::create_dir(place("bin")).unwrap();
        if opens {
            let script = format!("#!/bin/sh\necho \"$1\" >'{}'\n", place("opened").display());
            std::fs::write(place("bin/xdg-open"), script).unwrap();
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(place("bin/xdg-open"), mode).unwrap();
        }
        let demo = place("demo");
        let args = ["demo", "--open", "--speed", "1", "--port", "0", "--level", "error", "--dir"];
        let stdout = std::fs::File::create(place("stdout")).unwrap();
        let mut command = bursar(&args);
        command.arg(&demo).current_dir(&folder).env("PATH", place("bin")).stdout(stdout);
        let mut demo = Process::spawn_with(&mut command);
        let address = until("the last line", async || {
            let text = std::fs::read_to_string(place("stdout")).ok()?;
            let (_, address) = text.split_once("\nLook at it: ")?;
            Some(address.strip_suffix('\n')?.to_owned())
        })
        .await;
        assert!(address.starts_with("http://127.0.0.1:") && address.ends_with('/'), "{address}");
        if opens {
            until("it is opened", async || {
                let opened = std::fs::read_to_string(place("opened")).ok()?;
                (opened.trim_end() == address).then_some(())
            })
            .await;
        } else {
            demo.wait_for(&format!(
                "xdg-open: No such file or directory (os error 2)); open {address} yourself"
            ));
        }
    }
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
fn what_the_rules_would_have_done(answer: &Value, past: &Past) {
    let (first, last) = past.gap;
    let silent = first.iter_days().take_while(|day| *day <= last);
    let silent: Vec<_> = silent.map(|day| day.to_string()).collect();
    let types = answer["types"].as_array().unwrap();
    assert_eq!(types.len(), 2, "{answer}");
    for (of_type, story) in types.iter().zip(past.stories()) {
        assert_eq!(of_type["undecided"], 0);
        let year = past.end - TimeDelta::days(366);
        let has_lost = story.lives.iter().any(|life| life.end.is_some_and(|end| end.time > year));
        let mut before: Option<(u64, u64)> = None;
        for threshold in of_type["thresholds"].as_array().unwrap() {
            // The last days of those who lost their seat in that year are not known.
            let bounds = |bounds: &Value| {
                let [least, most] = ["atLeast", "atMost"].map(|key| bounds[key].as_u64().unwrap());
                assert!(least <= most && (has_lost || least == most), "{bounds}");
                (least, most)
            };
            let now = bounds(&threshold["released"]);
            let back = bounds(&threshold["cameBack"]["within90Days"]);
            assert!(now.0 > back.0 && now.1 > back.1, "{now:?} {back:?}");
            // `keepFree` of Professional seats takes one for the other.
            let fewer = |before: (u64, u64)| now.0 <= before.0 && now.1 <= before.1;
            let is_limited = story.kind == SeatKind::Professional;
            assert!(is_limited || before.is_none_or(fewer), "{before:?} {now:?}");
            let days = threshold["days"].as_array().unwrap();
            let unknown = days.iter().filter(|day| day["free"].is_null());
            let unknown: Vec<_> = unknown.map(|day| day["day"].as_str().unwrap()).collect();
            assert_eq!(unknown, silent, "nobody looked");
            before = Some(now);
        }
        assert!(before.unwrap().0 > 0, "180 days: {before:?}");
    }
}
