//! Each page shows the demo's truth, and what the commands say of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use bursar::simulator::Scenario;
use bursar::simulator::past::Past;
use chrono::{NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use super::{Got, assert_sound, found, get, get_with, links, words};
use crate::support::process::{bursar, until};

/// Killed when dropped.
pub(crate) struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running demo at the pace of the clock, and the address of its pages.
pub(crate) fn demo(place: &Path) -> (Demo, String) {
    let args = ["demo", "--speed", "1", "--port", "0", "--level", "error", "--dir"];
    let mut command = bursar(&args);
    command.arg(place).current_dir(place).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let demo = Demo(child);
    let page =
        lines.find(|line| line.trim_start().starts_with("page ")).expect("it names its page");
    // Whatever it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    let address = page.split("http://").nth(1).unwrap().trim_end_matches('/');
    (demo, format!("http://{address}"))
}

pub(crate) fn json(folder: &Path, command: &[&str]) -> Value {
    let file = folder.join("bursar.yaml");
    let output = bursar(command).args(["--json", "-c"]).arg(&file).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "{command:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// With thousands separators, as pages have it.
fn grouped(value: &Value) -> String {
    let value = value.as_f64().unwrap();
    let text = if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") };
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

fn of_type<'a>(answer: &'a Value, wanted: &str) -> &'a Value {
    let types = answer["sites"][0]["types"].as_array().unwrap();
    types.iter().find(|t| t["seatType"] == wanted).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_show_the_demos_truth_as_the_commands_tell_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let (_demo, base) = demo(place);
    until("everything is read, and the end of the license is told", async || {
        let (read, told) = (get(&base, "/daemon").await, get(&base, "/alerts").await);
        let is_read = !read.text.contains("not read yet");
        (is_read && told.text.contains("serverLicenseExpiring")).then_some(())
    })
    .await;

    overview(place, &base).await;
    trends(place, &base).await;
    months(place, &base).await;
    seats(place, &base).await;
    releases(place, &base).await;
    renewal(place, &base).await;
    cost(place, &base).await;
    monitor_app(place, &base).await;
    stopped_by_a_guard(&base).await;
    silenced(place, &base).await;
    for (path, expected) in [
        ("/alerts", "serverLicenseExpiring"),
        ("/reports", "Reports name people"),
        ("/destinations", "delivers"),
        ("/settings", "Butler.qlikSenseLicense.licenseMonitor.frequency"),
        ("/daemon", "License Monitor app"),
        ("/site/default/changes", "The last 30 days"),
    ] {
        let page = get(&base, path).await;
        assert_sound(path, &page);
        assert!(page.text.contains(expected), "{path}: {}", page.words());
    }
    not_modified(&base).await;
    // Every address that pages lead to is there.
    for path in [
        "/",
        "/site/default/trends",
        "/site/default/seats",
        "/site/default/releases",
        "/site/default/renewal",
        "/site/default/cost?by=Department",
        "/site/default/monitor-app",
    ] {
        for link in links(&get(&base, path).await.text) {
            // Where in a page, of others than the page itself.
            let link = link.split('#').next().unwrap().to_owned();
            if let Some(asked) = link.strip_prefix('?') {
                assert!(get(&base, &format!("{path}?{asked}")).await.status.is_success(), "{link}");
            } else if link.starts_with('/') {
                assert_eq!(get(&base, &link).await.status, 200, "{path} leads to {link}");
            }
        }
    }
    for path in ["/nothing", "/site/nowhere", "/site/default/person/x", "/site/nowhere/seats"] {
        let page = get(&base, path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("<h1>Not found</h1>"), "{path}: {}", page.text);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    }
    let rebound = get_with(&base, "/", &[("host", "evil.example.com")]).await;
    assert_eq!(
        (rebound.status.as_u16(), rebound.header("x-content-type-options")),
        (421, "nosniff")
    );
}

/// Figures of the overview, and the same of the commands: again, when something was read in between.
async fn overview(place: &Path, base: &str) {
    until("commands and pages agree", async || {
        let before = json(place, &["status"]);
        let page = get(base, "/").await;
        let forecast = json(place, &["insight", "forecast"]);
        let cost = json(place, &["insight", "cost"]);
        let capacity = json(place, &["insight", "capacity"]);
        let after = json(place, &["status"]);
        let read = |status: &Value| {
            let site = &status["sites"][0];
            ["accessLicenses", "serverLicense"].map(|of| site[of]["time"].clone())
        };
        if read(&before) != read(&after) || before["alerts"] != after["alerts"] {
            return None;
        }
        assert_sound("/", &page);
        assert_overview(&page, &before, [&forecast, &cost, &capacity]);
        Some(())
    })
    .await;
}

fn assert_overview(page: &Got, status: &Value, [forecast, cost, capacity]: [&Value; 3]) {
    let shown = page.words();
    let site = &status["sites"][0];
    let days = site["serverLicense"]["daysUntilExpiry"].as_i64().unwrap();
    assert!(shown.contains(&format!("(in {days} days)")), "{shown}");
    for name in ["professional", "analyzer"] {
        let pool = &site["accessLicenses"][name];
        let (taken, total) = (grouped(&pool["allocated"]), grouped(&pool["total"]));
        assert!(shown.contains(&format!("{taken} of {total} allocated")), "{taken}: {shown}");
        let blocked = format!("{} quarantined", grouped(&pool["quarantined"]));
        assert!(shown.contains(&blocked), "{blocked}: {shown}");
        let of = &of_type(forecast, name)["forecast"];
        let runs_out = format!("Free seats run out: {}", of["inWords"].as_str().unwrap());
        assert!(shown.contains(&runs_out), "{runs_out}: {shown}");
        let could = format!("by the rules {} can go", grouped(&of["reclaimable"]));
        assert!(shown.contains(&could), "{could}: {shown}");
    }
    let alerts = status["alerts"].as_array().unwrap();
    for alert in alerts {
        let text = alert["text"].as_str().unwrap();
        assert!(shown.contains(&words(&text.replace('`', ""))), "{text}: {shown}");
    }
    assert!(!alerts.is_empty() && !shown.contains("All is well"), "{shown}");
    let cost = &cost["sites"][0]["cost"];
    assert_eq!(cost["entitled"]["amount"], "550800.00", "120 x 1300 + 900 x 420 + 240 x 70");
    assert!(shown.contains("550,800.00 EUR"), "{shown}");
    let idle = cost["reclaimable"]["amount"].as_str().unwrap().split('.').next().unwrap();
    let idle = grouped(&idle.parse::<f64>().unwrap().into());
    assert!(shown.contains(&format!("Of it reclaimable {idle}.")), "{idle}: {shown}");
    let capacity = &capacity["sites"][0]["capacity"];
    let (used, usable) = (grouped(&capacity["used"]), grouped(&capacity["usable"]));
    assert!(shown.contains(&format!("{used} of {usable} minutes")), "{used} {usable}: {shown}");
    assert!(page.text.contains("class=\"gauge\"") && page.text.contains("url(#hatch)"));
}

async fn trends(place: &Path, base: &str) {
    let path = "/site/default/trends?type=analyzer";
    let page = get(base, path).await;
    assert_sound(path, &page);
    let shown = page.words();
    let months = json(place, &["insight", "utilization", "--months", "6", "--type", "analyzer"]);
    let months = of_type(&months, "analyzer")["periods"].as_array().unwrap();
    for (n, month) in months.iter().enumerate().skip(1) {
        let name = month["name"].as_str().unwrap();
        let part = if n + 1 == months.len() { " so far" } else { "" };
        let (peak, mean) = (grouped(&month["peak"]), month["mean"].as_f64().unwrap());
        let row = format!("{name}{part} {peak} {mean:.1}");
        assert!(shown.contains(&row), "{row}: {shown}");
    }
    let growth = &json(place, &["insight", "growth"]);
    let middle = of_type(growth, "analyzer")["growth"]["perMonth"]["middle"].as_f64().unwrap();
    let middle = format!("{middle:+.1}");
    let middle = middle.trim_end_matches(".0");
    assert!(shown.contains(&format!("{middle} a month")), "{middle}: {shown}");
    assert!(page.text.contains("class=\"band\""), "what may come: {shown}");
    // The story of the demo: a clean-up five months ago, a purchase twenty months ago, four days without polls.
    assert!(page.text.contains(">45 released</text>"), "{shown}");
    assert!(shown.contains("45 released by Bursar") && shown.contains("January"), "{shown}");
    for part in ["data-chart=\"twin\"", "id=\"curve\"", "data-do=\"+\"", "<tr data-x=\""] {
        assert!(page.text.contains(part), "{part}: {shown}");
    }
    until("curve and command agree", async || {
        let renewal = json(place, &["insight", "renewal", "--type", "analyzer", "--months", "12"]);
        let curve = &of_type(&renewal, "analyzer")["curve"];
        let (first, last) = (curve["basis"]["first"].as_str(), curve["basis"]["last"].as_str());
        let (first, last) = (first.unwrap(), last.unwrap());
        let path = format!("trends.csv?type=analyzer&show=curve&from={first}&to={last}");
        let csv = get(base, &format!("/site/default/{path}")).await;
        let rows = curve["rows"].as_array().unwrap();
        let rows = rows.iter().map(|row| {
            let percent = row["percent"].as_f64().unwrap();
            format!("{},{},{percent:.2}", row["seats"], row["days"])
        });
        let rows: Vec<_> = rows.collect();
        assert!(rows.len() > 5 && csv.text.starts_with("seats,days,percent\r\n"), "{rows:?}");
        csv.text.lines().skip(1).eq(rows).then_some(())
    })
    .await;
    let all = get(base, "/site/default/trends?type=analyzer&from=2020-01-01").await;
    assert_sound("trends of all", &all);
    let story = Past::demo(&Scenario::demo(), Utc::now()).analyzer;
    let (before, after) = (grouped(&story.total_before.into()), grouped(&story.total.into()));
    let bought = format!("entitled {before} → {after}");
    assert!(all.words().contains(&bought), "{bought}: {}", all.words());
    assert!(all.text.contains("class=\"gap\""), "days without polls are shaded");
    let csv = get(base, "/site/default/trends.csv?type=analyzer&from=2020-01-01").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let rows = csv.text.lines().count();
    assert!(csv.text.starts_with("day,min,mean,max,last,entitled\r\n") && rows > 1_000, "{rows}");
    for (wrong, said) in [
        ("type=basic", "write one of professional, analyzer, user"),
        ("from=soon", "from: write a day as 2026-11-24"),
        ("from=2026-02-01&to=2026-01-01", "before it begins"),
    ] {
        let page = get(base, &format!("/site/default/trends?{wrong}")).await;
        assert_eq!(page.status, 400, "{wrong}");
        assert!(page.words().contains(said), "{wrong}: {}", page.words());
    }
    assert_eq!(
        get(base, &format!("/site/default/trends?x={}", "y".repeat(3_000))).await.status,
        400
    );
}

async fn seats(place: &Path, base: &str) {
    let forecast = json(place, &["insight", "forecast"]);
    let all = get(base, "/site/default/seats").await;
    assert_sound("/site/default/seats", &all);
    // The number on the overview is that of the rows behind it; time goes by in between.
    until("numbers and rows agree", async || {
        let overview = get(base, "/").await;
        let text = overview.text.replace("&#38;", "&");
        let links = links(&overview.text);
        let links: Vec<_> = links.iter().filter(|link| link.contains("/seats?q=")).collect();
        assert_eq!(links.len(), 8, "allocated, quarantined, idle and never used of two types");
        for link in links {
            let said = text.split(&format!("{link}\">")).nth(1).unwrap().split('<').next().unwrap();
            let rows = get(base, link).await;
            assert_sound(link, &rows);
            if found(&rows) != said.rsplit(' ').next().unwrap() {
                return None;
            }
        }
        Some(())
    })
    .await;
    let taken = of_type(&forecast, "analyzer")["forecast"]["taken"].as_f64().unwrap();
    // Those in quarantine are in the list, and not taken.
    let of_analyzer = get(base, "/site/default/seats?q=type:analyzer").await;
    let total: f64 = found(&of_analyzer).replace(',', "").parse().unwrap();
    assert!(total >= taken, "{total} of {taken}");

    let person = links(&all.text).into_iter().find(|link| link.contains("/person/")).unwrap();
    let person = get(base, &person).await;
    assert_sound("a person", &person);
    assert!(
        person.words().contains("not named") && person.words().contains("Idle"),
        "{}",
        person.words()
    );
    let wrong = get(base, "/site/default/seats?q=team:Sales").await;
    assert!(wrong.words().contains("team: is no word of the filter"), "{}", wrong.words());
}

/// Of a range in the middle of months: whole months all the same, and a month that isn't over against as many days.
async fn months(place: &Path, base: &str) {
    let answer = json(place, &["insight", "utilization", "--months", "14", "--type", "analyzer"]);
    let periods = of_type(&answer, "analyzer")["periods"].as_array().unwrap();
    let last_month = &periods[periods.len() - 2];
    let start: NaiveDate = last_month["start"].as_str().unwrap().parse().unwrap();
    let from = start - TimeDelta::days(220);
    let path = format!("/site/default/trends?type=analyzer&from={}", from.format("%Y-%m-15"));
    let page = get(base, &path).await;
    let csv =
        get(base, &format!("{}&show=periods", path.replacen("trends?", "trends.csv?", 1))).await;
    let first = from.format("%Y-%m").to_string();
    let month = periods.iter().find(|month| month["name"] == first.as_str()).unwrap();
    let row = format!("{first} {} {:.1}", grouped(&month["peak"]), month["mean"].as_f64().unwrap());
    assert!(page.words().contains(&row), "{row}: {}", page.words());
    let peak = month["peak"].as_f64().unwrap();
    assert!(csv.text.contains(&format!("{first},{first}-01,{peak},")), "{}", csv.text);
    let year = &of_type(&answer, "analyzer")["yearOnYear"];
    let (this, before) = (&year["this"], &year["lastYear"]);
    let row = page.words();
    let row = row.split(&format!("{} so far ", this["name"].as_str().unwrap())).nth(1).unwrap();
    let cells: Vec<_> = row.split(' ').take(5).collect();
    assert_eq!(cells[4], format!("{:.1}", before["mean"].as_f64().unwrap()), "{year} {cells:?}");
    assert_eq!(before["days"], this["days"], "as many days: {year}");
}

/// A run that guards stopped failed in nothing, and what is meant to be typed is code.
async fn stopped_by_a_guard(base: &str) {
    until("the demo's rehearsal was stopped", async || {
        let page = get(base, "/daemon").await.words();
        assert!(!page.contains("release fails"), "{page}");
        page.contains("release stopped by a guard").then_some(())
    })
    .await;
    for path in ["/", "/daemon", "/alerts", "/site/default/releases"] {
        let page = get(base, path).await;
        assert!(!page.words().contains('`'), "{path}: {}", page.words());
        assert!(!page.words().contains("not read release"), "{path}: {}", page.words());
    }
    let releases = get(base, "/site/default/releases").await;
    assert!(releases.text.contains("<code>bursar release accept percent"), "{}", releases.text);
}

/// What is silenced needs nobody, from when it is said.
async fn silenced(place: &Path, base: &str) {
    let needs = async || {
        let page = get(base, "/daemon").await;
        words(page.text.split("id=\"needs\"").nth(1).unwrap().split("<main").next().unwrap())
    };
    let before = needs().await;
    let rule = "overBudget";
    let of_it = "Licenses cost more than the budget";
    assert!(before.contains(of_it), "{before}");
    let args = ["alert", "silence", "--rule", rule, "--for", "1d", "--why", "it is ordered"];
    let done = bursar(&args).arg("-c").arg(place.join("bursar.yaml")).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let after = needs().await;
    assert!(!after.contains(of_it), "{after}");
    let alerts = get(base, "/alerts").await.words();
    assert!(alerts.contains(rule) && alerts.contains("it is ordered"), "{alerts}");
}

/// The planner says what the command says, with what the address asks for.
async fn renewal(place: &Path, base: &str) {
    until("page and command agree", async || {
        let path = "/site/default/renewal?months=24&risk=10";
        let page = get(base, path).await;
        assert_sound(path, &page);
        let answer = json(place, &["insight", "renewal", "--months", "24", "--risk", "10"]);
        let of = &of_type(&answer, "analyzer")["renewal"];
        let choice = &of["terms"][0]["choices"][0]["withoutRelease"];
        let seats = choice["seats"].as_f64().unwrap();
        let change = format!("{:+}", choice["change"].as_i64().unwrap());
        let row = format!("24 10 % {} * {change}", grouped(&seats.into()));
        assert!(page.words().contains("Too few in"), "both ways of being wrong: {}", page.words());
        page.words().contains(&row).then_some(())
    })
    .await;
    for (wrong, said) in [
        ("months=0", "months: write numbers from 1 to 120"),
        ("risk=51", "risk: write numbers from 1 to 50"),
        ("on=2001-01-01", "on: 2001-01-01 is over; name a day from"),
        ("on=soon", "on: write a day as"),
    ] {
        let page = get(base, &format!("/site/default/renewal?{wrong}")).await;
        assert_eq!(page.status, 400, "{wrong}");
        assert!(page.words().contains(said), "{wrong}: {}", page.words());
    }
}

/// Cost by department, as the command has it, each row leading to its seats.
async fn cost(place: &Path, base: &str) {
    let path = "/site/default/cost?by=department";
    until("page, command and rows agree", async || {
        let page = get(base, path).await;
        assert_sound(path, &page);
        let file = place.join("bursar.yaml");
        let command = ["insight", "cost", "--by", "department", "--csv", "-c"];
        let output = bursar(&command).arg(&file).output().unwrap();
        let csv = get(base, "/site/default/cost.csv?by=department").await;
        if csv.text.as_bytes() != output.stdout {
            return None;
        }
        let rows = csv.text.lines().filter(|line| line.starts_with("default,")).count();
        assert!(rows > 4, "{}", csv.text);
        let behind: Vec<_> =
            links(&page.text).into_iter().filter(|link| link.contains("prop%3A")).collect();
        assert!(behind.len() > 4, "{}", page.words());
        for link in behind {
            let row = page.text.replace("&#38;", "&");
            let row =
                row.split(&format!("{link}\">")).nth(1).unwrap().split("</tr>").next().unwrap();
            let seats = super::words(row.split("<td").nth(1).unwrap());
            let seats = seats.rsplit('>').next().unwrap().trim().to_owned();
            let shown = get(base, &link).await;
            assert_sound(&link, &shown);
            if found(&shown) != seats {
                return None;
            }
        }
        Some(())
    })
    .await;
    let unknown = get(base, "/site/default/cost?by=luck").await;
    assert!(unknown.words().contains("nobody has that custom property; there are: Department"));
    assert_eq!(get(base, "/site/default/cost.csv?by=luck").await.status, 400, "no half invoice");
}

async fn monitor_app(place: &Path, base: &str) {
    until("page and command agree", async || {
        let path = "/site/default/monitor-app";
        let page = get(base, path).await;
        assert_sound(path, &page);
        let answer = json(place, &["monitor-app"]);
        let state = &answer["sites"][0]["state"];
        let shown = page.words();
        assert!(answer["sites"][0]["runs"].as_array().is_some_and(|runs| !runs.is_empty()));
        assert!(!page.text.contains("End of the last failed"), "the script log may name people");
        ["text", "hint"]
            .iter()
            .filter_map(|of| state[*of].as_str())
            .all(|text| shown.contains(&words(text)))
            .then_some(())
    })
    .await;
}

async fn releases(place: &Path, base: &str) {
    let path = "/site/default/releases";
    let page = get(base, path).await;
    assert_sound(path, &page);
    let shown = page.words();
    let simulated = &json(place, &["release", "simulate"])["sites"][0];
    for of in simulated["types"].as_array().unwrap() {
        let seats = format!("{} now", grouped(&of["seats"]));
        assert!(shown.contains(&seats), "{seats}: {shown}");
        for days in ["30", "60", "90", "120", "180"] {
            assert!(shown.contains(&format!(" {days} ")), "{days}: {shown}");
        }
        assert!(shown.contains("gaps of use recorded since"), "{shown}");
    }
    assert!(shown.contains("bursar audit verify -c bursar.yaml --head"), "{shown}");
    // Each run has a page of its own, with the records that the ledger has of it.
    let answer = json(place, &["release", "history"]);
    let runs = answer["sites"][0]["runs"].as_array().unwrap();
    assert!(!runs.is_empty(), "{runs:?}");
    for run in runs.iter().take(3) {
        let run_id = run["run"].as_str().unwrap();
        let path = format!("/site/default/run/{run_id}");
        assert!(page.text.contains(&format!("href=\"{path}\"")), "{path}");
        let page = get(base, &path).await;
        assert_sound(&path, &page);
        let is_rehearsal = run["mode"] == "rehearsal";
        let said = page.words().contains("Rehearsal : nothing was changed");
        assert_eq!(said, is_rehearsal, "{}", page.words());
        let file = place.join("bursar.yaml");
        let shown = bursar(&["audit", "show", run_id, "--json", "-c"]).arg(&file).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let first = shown.split("\"seq\":").nth(1).unwrap();
        let first: String = first.trim().chars().take_while(char::is_ascii_digit).collect();
        let record = format!("<th scope=\"row\" class=\"number\">{first}</th>");
        assert!(page.text.contains(&record), "{record}: {}", page.words());
    }
    let none = get(base, "/site/default/run/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(none.status, 404);
}

async fn not_modified(base: &str) {
    // What is read meanwhile is something new to show.
    until("a page stays the same", async || {
        let page = get(base, "/settings").await;
        let tag = page.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        assert!(page.text.contains(&format!("data-etag=\"{}\"", tag.replace('"', "&quot;"))));
        let again = get_with(base, "/settings", &[("if-none-match", &tag)]).await;
        if again.status != 304 {
            return None;
        }
        assert!(again.text.is_empty() && !again.header("bursar-time").is_empty());
        let head: usize = again.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
        assert!(head + 30 < 500, "{head} bytes");
        assert!(again.header("content-security-policy").starts_with("default-src 'none'"));
        Some(())
    })
    .await;
    let other = get_with(base, "/settings", &[("if-none-match", "W/\"other\"")]).await;
    assert_eq!(other.status, 200);
    let page = get(base, "/settings").await;
    let assets: Vec<_> = page
        .text
        .split('"')
        .filter(|text| text.starts_with("/assets/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(assets.len(), 2);
    let mut bytes = 0;
    for asset in &assets {
        let asset = get(base, asset).await;
        assert_eq!(asset.status, 200);
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(asset.header("x-content-type-options"), "nosniff");
        bytes += asset.text.len();
    }
    // The style and the script: the latter has 10 kB at most.
    assert!(bytes < 21_000, "{bytes}");
    let overview = get(base, "/").await.text.len();
    assert!(overview + bytes < 60_000, "{overview} and {bytes} bytes");
    assert_eq!(get(base, "/assets/bursar-0000.css").await.status, 404);
}
