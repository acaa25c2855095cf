//! What commands, pages and reports say of a real run before the seats are read again: the same.

use std::path::Path;

use serde_json::Value;

use super::demo::{demo, json};
use super::get;
use crate::support::process::{bursar, until};

/// Runs a command beside the demo, with its exit code and what it said.
fn run(place: &Path, file: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = bursar(args).arg("-c").arg(place.join(file)).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// Of a type: seats, reclaimable, what decides.
fn activity(place: &Path, n: usize) -> (u64, u64, Value) {
    let answer = &json(place, &["insight", "activity"])["sites"][0];
    let of = &answer["types"][n];
    let rules = &of["byRules"];
    (
        count(&of["seats"]),
        count(&rules["release"]) + count(&rules["announce"]),
        of["limits"].clone(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_took_is_reclaimable_nowhere_before_the_seats_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    // At the pace of the clock: the next reading is minutes away.
    let (_demo, base) = demo(place);
    until("everything is read", async || {
        let read = get(&base, "/daemon").await;
        let (_, said) = run(place, "bursar.yaml", &["insight", "activity"]);
        (!read.text.contains("not read yet") && said.contains("reclaimable")).then_some(())
    })
    .await;
    let (seats, before, limits) = activity(place, 0);
    // 20 are to be free, and 16 are; and the guard lets none of these four go.
    assert_eq!((seats, before), (104, 0), "{limits}");
    // How many are due hangs on the hour.
    let all = count(&limits["heldBack"]["due"]);
    assert!(all > 24, "more than 24 % of 104: {limits}");
    let keep_free = serde_json::json!({"is": 20, "free": 16, "seats": all - 4});
    assert_eq!(limits["keepFree"], keep_free);
    let held = serde_json::json!({"seats": 4, "maxReleasePercent": 24, "due": all, "of": 104});
    assert_eq!(limits["heldBack"], held, "{limits}");
    // All that are due, of which one run takes 20.
    let (listed, due, limits) = activity(place, 1);
    assert_eq!((&limits["nextRun"], &limits["maxReleases"]), (&20.into(), &20.into()));
    let reclaimable = |place: &Path, threshold: &str| {
        let args = ["insight", "forecast", "--type", "analyzer", "--release-threshold", threshold];
        let (_, said) = run(place, "bursar.yaml", &args);
        assert!(said.contains("next run: 20 of them, the most of one (maxReleases)"), "{said}");
        let of_type = json(place, &args)["sites"][0]["types"][0].clone();
        count(&of_type["forecast"]["reclaimable"])
    };
    assert!(due > 100, "{due}");
    assert_eq!(reclaimable(place, "30"), due);
    assert!(reclaimable(place, "90") < due, "fewer are idle for so long");
    let cost = json(place, &["insight", "cost"]);
    let analyzer = &cost["sites"][0]["cost"]["byType"][1];
    assert_eq!(analyzer["reclaimable"]["amount"], format!("{}.00", due * 420));
    assert_eq!(cost["sites"][0]["cost"]["reclaimable"]["amount"], format!("{}.00", due * 420));
    let renewal = json(place, &["insight", "renewal", "--type", "analyzer"]);
    let renewal = &renewal["sites"][0]["types"][0]["renewal"];
    assert_eq!(renewal["reclaimable"], due);
    let choice = &renewal["terms"][0]["choices"][0];
    let seats_of = |of: &str| count(&choice[of]["seats"]);
    assert_eq!(seats_of("withoutRelease") - seats_of("withRelease"), due);
    let page = get(&base, "/site/default").await.words();
    let limits = "nothing is released: runs only rehearse (dryRun); next run: 20 of them, the most of one (maxReleases)";
    let said = format!("by the rules {due} can go ({limits})");
    assert!(page.contains(&said), "{said}: {page}");
    let held = format!(
        "4 are held back by a guard (maxReleasePercent); {all} of 104 are due, and above 24 % it stops a run"
    );
    assert!(page.contains(&held), "{held}: {page}");

    let apply = ["release", "apply", "--all", "--yes", "--real", "--accept", "percent"];
    let (code, said) = run(place, "bursar.yaml", &apply);
    assert_eq!(code, Some(0), "{said}");
    let (seats, after, limits) = activity(place, 0);
    assert_eq!((seats, after), (100, 0), "20 are free now: {limits}");
    assert_eq!(activity(place, 1).0, listed - 20);
    let cost = json(place, &["insight", "cost"]);
    let professional = &cost["sites"][0]["cost"]["byType"][0];
    assert_eq!(professional["seats"]["reclaimable"], 0, "{professional}");
    let page = get(&base, "/site/default").await.words();
    assert!(page.contains("by the rules 0 can go"), "{page}");
    let said = format!("by the rules {} can go", due - 20);
    assert!(page.contains(&said), "{said}: {page}");
    // What the run took counts against the limit of 22 hours, which this is before.
    let before = "before the limit of 22 hours: 20 of maxReleases (20) went in the last ones";
    assert!(page.contains(before), "{page}");
    assert_eq!(activity(place, 1).2["spent"], serde_json::json!({"taken": 20, "of": 20}));
    let (_, said) = run(place, "bursar.yaml", &["insight", "activity"]);
    assert!(said.contains(before), "{said}");

    // The seats that the ledger tells of are the changes by Bursar, each once.
    let report = place.join("report.json");
    let month = cost["time"].as_str().unwrap()[..7].to_owned();
    let out = report.to_str().unwrap();
    let args = ["report", "--names", "--format", "json", "--period", &month, "-o", out];
    let (code, said) = run(place, "bursar.yaml", &args);
    assert_eq!(code, Some(0), "{said}");
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let site = &report["sites"][0];
    let released = site["releases"].as_array().unwrap().len() as u64;
    // By directory as the command tells it.
    let by = json(place, &["insight", "cost", "--by", "directory"])["sites"][0].clone();
    for key in ["rows", "total"] {
        assert_eq!(site["costByDirectory"][key], by[key], "{key}");
        assert!(!by[key].is_null(), "{by}");
    }
    let runs = site["runs"].as_array().unwrap();
    let kinds = |mode: &str| runs.iter().filter(|run| run["mode"] == mode).count();
    assert_eq!(kinds("real"), 1, "{runs:?}");
    assert!(kinds("rehearsal") > 0, "{runs:?}");
    let counts = site["changes"]["counts"].as_array().unwrap();
    let own: u64 = counts.iter().map(|of| count(&of["byBursar"])).sum();
    assert_eq!((released, own), (24, 24), "{counts:?}");
    let changes = get(&base, "/site/default/changes").await.words();
    assert!(changes.contains("Analyzer released 20 0 20"), "{changes}");
    let told = json(place, &["insight", "changes"])["sites"][0]["counts"].to_string();
    assert!(told.contains("\"byBursar\":20") && told.contains("\"byBursar\":4"), "{told}");

    // Each deed is a line of the page of a person.
    let user = site["releases"][0]["outcome"]["holder"]["id"].as_str().unwrap();
    let person = get(&base, &format!("/site/default/person/{user}")).await.words();
    let happened = person.split("What happened").nth(1).unwrap();
    assert_eq!(happened.matches("released").count(), 1, "{happened}");
    assert!(happened.contains("of the ledger"), "{happened}");

    // What was undone is not undone again, and nobody is asked.
    let id = site["releases"][0]["run"].as_str().unwrap();
    let (code, said) = run(place, "bursar.yaml", &["release", "undo", id, "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(place, "bursar.yaml", &["release", "undo", id]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("there is nothing to undo"), "{said}");
    let status = json(place, &["status"]);
    let site = &status["sites"][0];
    assert_eq!(
        (&site["lastRun"]["mode"], &site["lastRealRun"]["mode"]),
        (&"undo".into(), &"real".into())
    );

    // As people write, and as programs read.
    let settings = std::fs::read_to_string(place.join("bursar.yaml")).unwrap();
    let german = settings.replacen("Butler:\n", "Butler:\n  locale: de\n", 1);
    std::fs::write(place.join("german.yaml"), german).unwrap();
    let (_, said) = run(place, "german.yaml", &["status"]);
    assert!(said.contains(" of 20.000 minutes"), "{said}");
    let (_, said) = run(place, "german.yaml", &["insight", "cost"]);
    assert!(said.contains("156.000,00 EUR"), "{said}");
    let (_, said) = run(place, "german.yaml", &["insight", "cost", "--json"]);
    assert!(said.contains("\"156000.00\""), "{said}");
}
