//! Every surface says of the demo what its generator made, and they say it alike.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use bursar::simulator::past::{End, Life, Loss, Past, Polls, Story};
use bursar::simulator::{Scenario, SeatKind};
use bursar::store::demo::clock_of;
use bursar::words::grouped;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use super::json;
use crate::support::influxd::{self, ADMIN, PASSWORD};
use crate::support::process::{Process, bursar, until};
use crate::support::setup;

/// The settings of the demo say so.
const POLL: TimeDelta = TimeDelta::minutes(5);
const LOOK: TimeDelta = TimeDelta::minutes(15);

/// What was polled of a kind of seats on a day.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    peak: f64,
    sum: f64,
    polls: f64,
    last: f64,
}

/// What was polled, by day.
struct Polled {
    professional: BTreeMap<NaiveDate, Day>,
    analyzer: BTreeMap<NaiveDate, Day>,
    minutes: BTreeMap<NaiveDate, f64>,
}

impl Polled {
    fn of(past: &Past) -> Self {
        let mut polls = Polls::new(past);
        let mut all = Self {
            professional: BTreeMap::new(),
            analyzer: BTreeMap::new(),
            minutes: BTreeMap::new(),
        };
        for time in past.looks(POLL) {
            let (pools, day) = (polls.at(time), time.date_naive());
            for (days, pool) in
                [(&mut all.professional, pools.professional), (&mut all.analyzer, pools.analyzer)]
            {
                let (allocated, of) = (pool.unwrap().allocated, days.entry(day).or_default());
                of.peak = of.peak.max(allocated);
                of.sum += allocated;
                of.polls += 1.0;
                of.last = allocated;
            }
            let used = pools.analyzer_capacity.unwrap().used_minutes;
            all.minutes.insert(day, used);
        }
        all
    }

    fn of_kind(&self, kind: SeatKind) -> &BTreeMap<NaiveDate, Day> {
        if kind == SeatKind::Professional { &self.professional } else { &self.analyzer }
    }
}

struct Bench {
    folder: tempfile::TempDir,
    past: Past,
    polled: Polled,
}

fn name(kind: SeatKind) -> &'static str {
    if kind == SeatKind::Professional { "professional" } else { "analyzer" }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value}"))
}

fn find<'a>(all: &'a Value, key: &str, wanted: &str) -> &'a Value {
    let found = list(all).iter().find(|one| one[key] == wanted);
    found.unwrap_or_else(|| panic!("no {wanted} in {all}"))
}

impl Bench {
    fn ask(&self, command: &[&str]) -> Value {
        json(self.folder.path(), command)
    }

    /// What a command prints for people, on one line.
    fn text(&self, command: &[&str]) -> String {
        let file = self.folder.path().join("bursar.yaml");
        let output = bursar(command).arg("-c").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command:?}: {output:?}");
        said
    }

    fn stories(&self) -> [&Story; 2] {
        self.past.stories()
    }

    /// Allocated, in quarantine, total and free at the end.
    fn now(&self, story: &Story) -> [f64; 4] {
        let (held, quarantined) = story.counts(self.past.end);
        let (held, quarantined) = (f64::from(held), f64::from(quarantined));
        [held, quarantined, story.total, story.total - held - quarantined]
    }

    fn seats_now(&self, page: &str) {
        let status = self.ask(&["status"]);
        let use_of = self.ask(&["insight", "utilization", "--months", "36"]);
        let forecast = self.ask(&["insight", "forecast"]);
        let text = self.text(&["status"]);
        assert!(status["daemonRuns"] == true && !text.contains("No daemon"), "{text}");
        let activity = &self.ask(&["insight", "activity"])["sites"][0];
        let plan = &self.ask(&["release", "plan"])["sites"][0];
        for story in self.stories() {
            let (kind, truth) = (name(story.kind), self.now(story));
            let [held, quarantined, total, free] = truth;
            let pool = &status["sites"][0]["accessLicenses"][kind];
            let said = ["allocated", "quarantined", "total", "available"].map(|k| number(&pool[k]));
            assert_eq!(said, truth, "status: {pool}");
            assert!(text.contains(&format!("{held} of {total} allocated, {free} free")), "{text}");
            assert!(
                page.contains(&format!(
                    "{held} of {total} allocated {free} free {quarantined} quarantined"
                )),
                "{page}"
            );
            let now = &find(&use_of["sites"][0]["types"], "seatType", kind)["now"];
            let said = ["taken", "quarantined", "entitled", "free"].map(|k| number(&now[k]));
            assert_eq!(said, truth, "utilization: {now}");
            let ahead = &find(&forecast["sites"][0]["types"], "seatType", kind)["forecast"];
            let said = ["taken", "entitled", "free"].map(|k| number(&ahead[k]));
            assert_eq!(said, [held, total, free], "forecast: {ahead}");
            let seats = find(&activity["types"], "seatType", kind);
            let said = ["seats", "quarantined"].map(|k| number(&seats[k]));
            assert_eq!(said, [held + quarantined, quarantined], "activity: {seats}");
            let of_plan = find(&plan["types"], "seatType", kind);
            let seats = list(&of_plan["decisions"]).len() as f64;
            assert_eq!([seats, number(&of_plan["free"])], [held + quarantined, free], "plan");
        }
        let minutes = self.past.pools_at(self.past.end).analyzer_capacity.unwrap();
        let pool = &status["sites"][0]["accessLicenses"]["analyzerCapacity"];
        let used = number(&pool["usedMinutes"]);
        // What is used while the demo comes up, at most.
        assert!((0.0..100.0).contains(&(used - minutes.used_minutes)), "{pool} {minutes:?}");
        let capacity = &self.ask(&["insight", "capacity"])["sites"][0]["capacity"];
        assert_eq!(number(&capacity["used"]), used);
        assert_eq!(number(&capacity["usable"]), self.past.minutes);
        assert!(
            text.contains(&format!("{} of {} minutes", grouped(used), grouped(self.past.minutes))),
            "{text}"
        );
    }

    /// Each month of three years, and last month's report.
    fn months(&self) {
        let months = self.ask(&["insight", "utilization", "--months", "36"]);
        let this = self.past.end.format("%Y-%m").to_string();
        let file = self.folder.path().join("report.csv");
        let report = bursar(&["report", "--period", "last-month", "--format", "csv", "-o"])
            .arg(&file)
            .arg("-c")
            .arg(self.folder.path().join("bursar.yaml"))
            .output()
            .unwrap();
        assert!(report.status.success(), "{report:?}");
        let report = std::fs::read_to_string(&file).unwrap();
        let told = |section: &str, subject: &str, key: &str| -> f64 {
            let row = report.lines().find_map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                let is_it = cells[0] == section && cells[2] == subject && cells[4] == key;
                is_it.then(|| cells[5].to_owned())
            });
            row.unwrap_or_else(|| panic!("{section} {subject} {key}")).parse().unwrap()
        };
        for story in self.stories() {
            let kind = name(story.kind);
            let days = self.polled.of_kind(story.kind);
            let of_type = find(&months["sites"][0]["types"], "seatType", kind);
            let mut entitled = Vec::new();
            let mut compared = 0;
            for period in list(&of_type["periods"]) {
                let month = period["name"].as_str().unwrap();
                entitled.push(number(&period["entitled"]));
                // Polls of today go on.
                if month == this {
                    continue;
                }
                let of: Vec<(&NaiveDate, &Day)> = days
                    .iter()
                    .filter(|(day, _)| day.format("%Y-%m").to_string() == month)
                    .collect();
                let peak = of.iter().map(|(_, day)| day.peak).fold(0.0, f64::max);
                assert_eq!(number(&period["peak"]), peak, "{kind}: {period}");
                let last = of.last().unwrap().1.last;
                assert_eq!(number(&period["last"]), last, "{kind}: {period}");
                let mean = of.iter().map(|(_, day)| day.sum / day.polls).sum::<f64>();
                let mean = mean / of.len() as f64;
                assert!((number(&period["mean"]) - mean).abs() < 1e-6, "{kind} {mean}: {period}");
                assert_eq!(number(&period["days"]), of.len() as f64, "{kind}: {period}");
                compared += 1;
            }
            assert!(compared > 30, "{compared}");
            entitled.dedup();
            assert_eq!(entitled, [story.total_before, story.total], "{kind}: one purchase");
            // The same of last month in the report.
            let periods = list(&of_type["periods"]);
            let last = &periods[periods.len() - 2];
            assert_eq!(told("use", kind, "peak"), number(&last["peak"]));
            assert!((told("use", kind, "mean") - number(&last["mean"])).abs() < 1e-3);
            assert_eq!(told("entitlement", kind, "atEnd.taken"), number(&last["last"]));
            assert_eq!(told("entitlement", kind, "atEnd.entitled"), story.total);
        }
        let capacity = self.ask(&["insight", "capacity"]);
        let mut compared = 0;
        for month in list(&capacity["sites"][0]["months"]) {
            let (name, used) = (month["name"].as_str().unwrap(), number(&month["used"]));
            if name == this {
                continue;
            }
            let days = self.polled.minutes.iter();
            let mut of = days.filter(|(day, _)| day.format("%Y-%m").to_string() == name);
            assert_eq!(used, of.next_back().map(|(_, used)| *used).unwrap(), "{month}");
            compared += 1;
        }
        assert!(compared >= 12, "{compared}");
        let last = self.past.end.date_naive() - Days::new(u64::from(day_of_month(self.past.end)));
        let used = self.polled.minutes[&last];
        let row = format!("{},used,", last.format("%Y-%m"));
        let row = report.lines().find(|line| line.starts_with("capacity") && line.contains(&row));
        assert!(row.unwrap().ends_with(&format!(",{used}")), "{row:?} {used}");
    }

    fn growth(&self) {
        let growth = self.ask(&["insight", "growth"]);
        let forecast = self.ask(&["insight", "forecast"]);
        for story in self.stories() {
            let kind = name(story.kind);
            let of_type = |all: &Value, what: &str| {
                find(&all["sites"][0]["types"], "seatType", kind)[what].clone()
            };
            let growth = of_type(&growth, "growth");
            let middle = number(&growth["perMonth"]["middle"]);
            assert!((middle / story.per_month - 1.0).abs() < 0.1, "{kind}: {growth}");
            let released: u32 = self.past.clean_ups.iter().map(|c| c.of(story.kind)).sum();
            assert_eq!(growth["addedBack"], released, "{kind}");
            let forecast = of_type(&forecast, "forecast");
            assert_eq!(forecast["growth"], growth);
            near_the_truth(&forecast, story, self.now(story)[3], self.past.end);
        }
    }

    fn activity(&self) {
        let activity = &self.ask(&["insight", "activity"])["sites"][0];
        let today = self.past.end.date_naive();
        let read: DateTime<Utc> =
            activity["types"][0]["lastRead"].as_str().unwrap().parse().unwrap();
        // The site lives in whole minutes from the end on: at most so many people have come in these.
        let came = (read - self.past.end).num_minutes() as f64 * 10.0;
        for story in self.stories() {
            let of_type = find(&activity["types"], "seatType", name(story.kind));
            let lists = |life: &&Life| {
                life.end.is_none() || life.quarantine().is_some_and(|(_, to)| self.past.end < to)
            };
            let listed: Vec<&Life> = story.lives.iter().filter(lists).collect();
            let idle = |days: i64| {
                let due = |life: &&&Life| {
                    let since = life.last_used.unwrap_or(life.given);
                    life.last_used.is_some() && read - since < TimeDelta::days(days)
                };
                listed.iter().filter(due).count() as f64
            };
            let active = &of_type["active"];
            for (key, days) in [("last7Days", 7), ("last28Days", 28), ("last90Days", 90)] {
                let difference = (number(&active[key]) - idle(days)).abs();
                assert!(difference <= came, "{key}: {} {of_type}", idle(days));
            }
            let never = listed.iter().filter(|life| life.last_used.is_none()).count();
            assert!((number(&of_type["idle"]["neverUsed"]) - never as f64).abs() <= came);
            for (window, days) in list(&of_type["usersPerDay"]).iter().zip([7, 28, 90]) {
                let users: Vec<u32> = (1..=days)
                    .map(|back| self.past.users(story.kind, today - Days::new(back)))
                    .collect();
                let average = f64::from(users.iter().sum::<u32>()) / days as f64;
                assert!((number(&window["average"]) - average).abs() < 1e-6, "{window} {average}");
                assert_eq!(window["maximum"], users.into_iter().max().unwrap());
            }
        }
        assert_eq!(list(&activity["twoSeats"]).len(), self.past.second_seats.len());
    }

    /// A year of changes, counted.
    fn changes(&self) {
        let answer = &self.ask(&["insight", "changes", "--days", "365"])["sites"][0];
        let time: DateTime<Utc> = answer["time"].as_str().unwrap().parse().unwrap();
        let from = time - TimeDelta::days(365);
        let within = |time: DateTime<Utc>| from <= time && time <= self.past.end;
        let mut compared = 0;
        for story in self.stories() {
            let kind = name(story.kind);
            let said = |what: &str, key: &str| {
                let mut counts = list(&answer["counts"]).iter();
                let found = counts.find(|c| c["licenseType"] == kind && c["change"] == what);
                found.map_or(0, |count| count[key].as_u64().unwrap())
            };
            let lives = || story.lives.iter();
            let count = |of: &dyn Fn(&Life) -> bool| lives().filter(|life| of(life)).count() as u64;
            let lost = |why: fn(Loss) -> bool| {
                count(&|life| life.end.is_some_and(|end| why(end.why) && within(end.time)))
            };
            let given = count(&|life| within(life.given));
            assert_eq!(said("allocated", "count"), given, "{kind}: {}", answer["counts"]);
            let released = lost(|why| matches!(why, Loss::Released { .. }));
            assert_eq!(said("released", "count"), released, "{kind}");
            assert_eq!(said("released", "byBursar"), released, "{kind}");
            assert_eq!(said("quarantined", "count"), lost(|why| why == Loss::Withdrawn), "{kind}");
            let noticed = |life: &Life| {
                life.end.is_some_and(|End { time, why }| {
                    why == Loss::Deleted && within(self.past.noticed(time, LOOK))
                })
            };
            assert_eq!(said("userDeleted", "count"), count(&noticed), "{kind}");
            let over = |life: &Life| {
                life.quarantine().is_some_and(|(_, to)| within(self.past.noticed(to, LOOK)))
            };
            assert_eq!(said("quarantineEnded", "count"), count(&over), "{kind}");
            compared += given + released;
        }
        assert!(compared > 150, "{compared}");
    }

    fn releases(&self) {
        let runs = &self.ask(&["release", "history"])["sites"][0]["runs"];
        let real: Vec<&Value> = list(runs).iter().filter(|run| run["mode"] == "real").collect();
        let at =
            |run: &Value| -> DateTime<Utc> { run["started"].as_str().unwrap().parse().unwrap() };
        assert_eq!(real.len(), self.past.clean_ups.len() + 1, "{runs}");
        for clean_up in &self.past.clean_ups {
            let run = real.iter().find(|run| at(run) == clean_up.time).unwrap();
            assert_eq!(run["state"], "done");
            for story in self.stories() {
                let counts = find(&run["counts"], "seatType", name(story.kind));
                assert_eq!(counts["released"], clean_up.of(story.kind), "{run}");
            }
            let shown = self.ask(&["audit", "show", run["run"].as_str().unwrap()]).to_string();
            let all = clean_up.professional + clean_up.analyzer;
            assert_eq!(shown.matches("\"result\":\"freed\"").count(), all as usize);
        }
        let frozen = real.iter().find(|run| at(run) == self.past.frozen.run).unwrap();
        assert_eq!(frozen["state"], "refused");
        let why = frozen["why"].as_str().unwrap();
        assert!(why.contains("frozen") && why.contains(self.past.frozen.why), "{why}");
        assert!(self.text(&["audit", "verify"]).contains("in order"));
    }

    /// Seats were short until more were bought.
    fn alerts(&self) {
        let history = self.ask(&["alert", "history", "--limit", "1000"]);
        let of = |what: &str| -> Vec<DateTime<Utc>> {
            let is_it = |entry: &&Value| {
                entry["rule"] == "seatsLow"
                    && entry["subject"] == "analyzer"
                    && entry["what"] == what
            };
            let found = list(&history).iter().filter(is_it);
            found.map(|entry| entry["time"].as_str().unwrap().parse().unwrap()).collect()
        };
        let story = &self.past.analyzer;
        let limit = (story.total_before / 20.0).floor();
        let low = |time: &DateTime<Utc>| {
            let pool = self.past.pools_at(*time).analyzer.unwrap();
            pool.available <= limit
        };
        let purchase = self.past.purchase.and_time(chrono::NaiveTime::MIN).and_utc();
        let mut changes: Vec<DateTime<Utc>> = story.lives.iter().map(|life| life.given).collect();
        changes.retain(|time| *time > purchase - TimeDelta::days(120) && *time < purchase);
        changes.sort_unstable();
        let looks = changes.into_iter().map(|time| self.past.noticed(time, POLL));
        let first = looks.into_iter().find(low).expect("seats were short");
        let (fired, over) = (of("fired"), of("resolved"));
        assert!(fired.contains(&first), "{first} {fired:?}");
        assert!(over.contains(&purchase), "{purchase} {over:?}");
    }

    /// Another daemon that reads the same site and sends points.
    async fn points(&self) {
        let influxd = influxd::shared().await;
        let database = "demo_truth";
        let text = std::fs::read_to_string(self.folder.path().join("bursar.yaml")).unwrap();
        let password = PASSWORD.replace('\'', "''");
        let section = setup::influxdb_section(influxd.port, database).replace(
            "auth: {enable: false, username: '', password: ''}",
            &format!("auth: {{enable: true, username: {ADMIN}, password: '{password}'}}"),
        );
        let destination = "      frequency: every 5 minutes\n      destination:\n";
        assert!(text.contains(destination), "{text}");
        let text = text
            .replace("bursar.db", "points.db")
            .replace(destination, &format!("{destination}        influxDb: {{enable: true}}\n"))
            .replace("Butler:\n", &format!("Butler:\n{section}"));
        let file = self.folder.path().join("points.yaml");
        std::fs::write(&file, text).unwrap();
        let path = file.to_str().unwrap();
        let daemon = Process::start(&["run", "-c", path], self.folder.path());
        let query = "SELECT * FROM qlik_sense_license GROUP BY license_type";
        let rows = until("points", async || {
            let databases = influxd.rows("", "SHOW DATABASES").await;
            databases.iter().find(|row| row["name"] == database)?;
            Some(influxd.rows(database, query).await).filter(|rows| rows.len() >= 3)
        })
        .await;
        drop(daemon);
        for story in self.stories() {
            let row = rows.iter().find(|row| row["license_type"] == name(story.kind)).unwrap();
            let said = ["allocated", "quarantined", "total", "available"].map(|k| number(&row[k]));
            assert_eq!(said, self.now(story), "{row}");
        }
    }
}

fn day_of_month(time: DateTime<Utc>) -> u32 {
    chrono::Datelike::day(&time)
}

/// The seats run out when those that nobody has have grown away.
fn near_the_truth(forecast: &Value, story: &Story, free: f64, end: DateTime<Utc>) {
    let day =
        |key: &str| -> NaiveDate { forecast["runsOut"][key].as_str().unwrap().parse().unwrap() };
    // The first poll that shows all taken that can be given out.
    let days = (free / story.per_month * super::MONTH) as i64;
    let truth = end.date_naive() + TimeDelta::days(days);
    // People come and go around the line, and seats are whole: a week, and half a seat.
    let slack = TimeDelta::days(7 + (0.5 / story.per_month * super::MONTH) as i64);
    let (earliest, latest) = (day("earliest"), day("latest"));
    assert!(earliest - slack <= truth && truth <= latest + slack, "{truth} {forecast}");
}

/// The text of a page, without its tags, each word apart from the next by one space.
fn words(page: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in page.chars() {
        match c {
            '<' => (is_tag, _) = (true, text.push(' ')),
            '>' => is_tag = false,
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The page, once the site was read and a rehearsal is over.
async fn page_of(folder: &Path) -> String {
    let printed = folder.join("stdout");
    let address = until("the address of the page", async || {
        let text = std::fs::read_to_string(&printed).ok()?;
        // The next line is there, so this one is whole.
        text.contains("  time").then_some(())?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("page"));
        Some(line?.trim().to_owned())
    })
    .await;
    bursar::tls::install_provider();
    until("what the page has to show", async || {
        let page = reqwest::get(&address).await.ok()?.text().await.ok()?;
        let page = words(&page);
        let all = ["minutes used this month", "Last run: rehearsal", "Last real run"];
        all.iter().all(|part| page.contains(part)).then_some(page)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_surface_says_what_the_generator_made() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let args = ["demo", "--speed", "1", "--port", "0", "--level", "error", "--dir", dir];
    let stdout = File::create(folder.path().join("stdout")).unwrap();
    let demo = Process::spawn_with(bursar(&args).current_dir(&folder).stdout(stdout));
    let page = page_of(folder.path()).await;
    let end = clock_of(&folder.path().join("bursar.db")).unwrap().start;
    let past = Past::demo(&Scenario::demo(), end);
    let polled = Polled::of(&past);
    let bench = Bench { folder, past, polled };
    bench.seats_now(&page);
    bench.months();
    bench.growth();
    bench.activity();
    bench.changes();
    bench.releases();
    bench.alerts();
    bench.points().await;
    drop(demo);
}
