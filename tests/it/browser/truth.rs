//! In the browser stands what the demo was made of, and what commands and reports say of it.

use bursar::simulator::past::Past;
use bursar::simulator::{Scenario, SeatKind};
use bursar::store::demo::clock_of;
use bursar::words::grouped;
use serde_json::Value;

use super::demo::Demo;
use super::seen;
use crate::support::chromium::Tab;
use crate::support::process::{bursar, until};

/// What a page has to say, asked elsewhere.
type Says = fn(&Demo) -> Vec<String>;

/// Pages and where their truth is from.
const PAGES: [(&str, Says); 9] = [
    ("/", overview),
    ("/site/default/trends?type=analyzer", trends),
    ("/site/default/seats?q=type:analyzer", seats),
    ("/site/default/releases", releases),
    ("/site/default/changes", changes),
    ("/alerts", alerts),
    ("/destinations", destinations),
    ("/settings", settings),
    ("/daemon", daemon),
];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}")).iter()
}

fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn find<'a>(all: &'a Value, key: &str, wanted: &str) -> &'a Value {
    list(all).find(|one| one[key] == wanted).unwrap_or_else(|| panic!("no {wanted} in {all}"))
}

fn of_type<'a>(answer: &'a Value, wanted: &str) -> &'a Value {
    find(&answer["sites"][0]["types"], "seatType", wanted)
}

fn past(demo: &Demo) -> Past {
    Past::demo(&Scenario::demo(), clock_of(&demo.folder.join("bursar.db")).unwrap().start)
}

fn overview(demo: &Demo) -> Vec<String> {
    let status = demo.json(&["status"]);
    let forecast = demo.json(&["insight", "forecast"]);
    let mut says = Vec::new();
    for story in past(demo).stories() {
        let (held, quarantined) = story.counts(past(demo).end);
        let (total, [held, quarantined]) = (story.total, [held, quarantined].map(f64::from));
        let free = total - held - quarantined;
        // The generator's numbers, not those of a command.
        let [held, total, free] = [held, total, free].map(grouped);
        says.push(format!("{held} of {total} allocated {free} free {quarantined} quarantined"));
        let kind = if story.kind == SeatKind::Professional { "professional" } else { "analyzer" };
        let pool = &status["sites"][0]["accessLicenses"][kind];
        let [allocated, total] = ["allocated", "total"].map(|key| grouped(number(&pool[key])));
        says.push(format!("{allocated} of {total} allocated"));
        let ahead = &of_type(&forecast, kind)["forecast"];
        says.push(format!("Free seats run out: {}", text(&ahead["inWords"])));
        says.push(format!("by the rules {} can go", number(&ahead["reclaimable"])));
    }
    let days = &status["sites"][0]["serverLicense"]["daysUntilExpiry"];
    says.push(format!("(in {days} days)"));
    let capacity = &demo.json(&["insight", "capacity"])["sites"][0]["capacity"];
    let [used, usable] = ["used", "usable"].map(|key| grouped(number(&capacity[key])));
    says.push(format!("{used} of {usable} minutes"));
    says.push("550,800.00 EUR".to_owned());
    says
}

/// Of months: the command, and of the last one the report.
fn trends(demo: &Demo) -> Vec<String> {
    let command = ["insight", "utilization", "--months", "6", "--type", "analyzer"];
    let months = demo.json(&command);
    let all: Vec<&Value> = list(&of_type(&months, "analyzer")["periods"]).skip(1).collect();
    let mut says: Vec<String> = all
        .iter()
        .enumerate()
        .map(|(n, month)| {
            let (peak, mean) = (grouped(number(&month["peak"])), number(&month["mean"]));
            let part = if n + 1 == all.len() { " so far" } else { "" };
            format!("{}{part} {peak} {mean:.1}", text(&month["name"]))
        })
        .collect();
    let file = demo.folder.join("report.csv");
    let mut report = bursar(&["report", "--period", "last-month", "--format", "csv", "-o"]);
    let report = report.arg(&file).arg("-c").arg(demo.settings()).output().unwrap();
    assert!(report.status.success(), "{report:?}");
    let report = std::fs::read_to_string(&file).unwrap();
    let told = |key: &str| -> f64 {
        let row = report.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let mut row = row.filter(|of| of[0] == "use" && of[2] == "analyzer" && of[4] == key);
        row.next().unwrap_or_else(|| panic!("no {key} in {report}"))[5].parse().unwrap()
    };
    let last = text(&all[all.len() - 2]["name"]);
    says.push(format!("{last} {} {:.1}", grouped(told("peak")), told("mean")));
    let released = past(demo).clean_ups[1].analyzer;
    says.push(format!("{released} released by Bursar"));
    says
}

fn seats(demo: &Demo) -> Vec<String> {
    let activity = &demo.json(&["insight", "activity"])["sites"][0];
    let seats = number(&find(&activity["types"], "seatType", "analyzer")["seats"]);
    let (story, end) = (&past(demo).analyzer, past(demo).end);
    let (held, quarantined) = story.counts(end);
    assert_eq!(seats, f64::from(held + quarantined), "{activity}");
    vec![format!("{} seats", grouped(seats))]
}

fn releases(demo: &Demo) -> Vec<String> {
    let history = &demo.json(&["release", "history"])["sites"][0]["runs"];
    let mut says: Vec<String> = list(history).map(|run| text(&run["run"])).collect();
    for clean_up in &past(demo).clean_ups {
        says.push(format!("Professional: {} released", clean_up.professional));
        says.push(format!("Analyzer: {} released", clean_up.analyzer));
    }
    let simulated = &demo.json(&["release", "simulate"])["sites"][0];
    says.extend(list(&simulated["types"]).map(|of| format!("{} now", number(&of["seats"]))));
    let record = demo.json(&["audit", "verify"]);
    says.push(text(&record["head"]["hash"]));
    says
}

fn changes(demo: &Demo) -> Vec<String> {
    let changes = &demo.json(&["insight", "changes", "--days", "30"])["sites"][0];
    let counts = list(&changes["counts"]).filter(|of| of["change"] == "allocated");
    counts
        .map(|of| {
            let kind = if of["licenseType"] == "analyzer" { "Analyzer" } else { "Professional" };
            format!("{kind} allocated {} {} {}", of["count"], of["churn"], of["byBursar"])
        })
        .collect()
}

fn alerts(demo: &Demo) -> Vec<String> {
    let alerts = demo.json(&["alert", "list"]);
    // What stands between backticks is code on a page.
    let says = list(&alerts["alerts"]).map(|alert| text(&alert["text"]).replace('`', ""));
    let says: Vec<_> = says.collect();
    assert!(says.len() >= 3, "{alerts}");
    says
}

fn destinations(demo: &Demo) -> Vec<String> {
    let status = demo.json(&["status"]);
    let says: Vec<_> = list(&status["queues"]).map(|queue| text(&queue["title"])).collect();
    assert_eq!(says.len(), 3, "{status}");
    says
}

fn settings(demo: &Demo) -> Vec<String> {
    let output = bursar(&["config", "explain", "-c"]).arg(demo.settings()).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    // Where nobody is named, what may name somebody is hidden.
    let says: Vec<_> = lines
        .lines()
        .filter(|line| line.contains("qlikSenseLicense") && !line.contains(".email."))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert!(says.len() > 40, "{lines}");
    says
}

fn daemon(demo: &Demo) -> Vec<String> {
    let status = demo.json(&["status"]);
    assert_eq!(status["daemonRuns"], true);
    vec![text(&status["version"]), "License Monitor app".to_owned()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_what_commands_and_reports_say() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    for (path, says) in PAGES {
        let mut last = (String::new(), String::new());
        // Something may be read between the one and the other.
        for _ in 0..5 {
            let says = says(demo);
            tab.go(&format!("{}{path}", demo.base)).await;
            let seen = seen(&tab).await;
            match says.into_iter().find(|said| !seen.contains(said)) {
                Some(missing) => last = (missing, seen),
                None => {
                    last = Default::default();
                    break;
                }
            }
        }
        assert!(last.0.is_empty(), "{path} does not say {:?}:\n{}", last.0, last.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_leads_to_its_rows() {
    let demo = Demo::shared().await;
    let tab = Tab::open().await;
    let numbers = "[...document.querySelectorAll('main a[href*=\"/seats?q=\"]')]";
    until("numbers and rows agree", async || {
        tab.go(&format!("{}/site/default", demo.base)).await;
        let count = tab.js(&format!("{numbers}.length")).await.as_u64().unwrap();
        assert!(count >= 4, "idle and never used of two types, not {count}");
        for n in 0..count {
            tab.go(&format!("{}/site/default", demo.base)).await;
            let link = tab.text(&format!("{numbers}[{n}].innerText")).await;
            tab.js(&format!("{numbers}[{n}].click()")).await;
            tab.until(
                "document.getElementById('found') !== null && document.readyState === 'complete'",
            )
            .await;
            let found = tab.text("document.getElementById('found').innerText").await;
            let said = link.rsplit(' ').next().unwrap();
            if found != format!("{said} seats") {
                return None;
            }
        }
        Some(())
    })
    .await;
}
