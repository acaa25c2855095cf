//! What the owner of a budget finds in a report: of which day each figure is, one story of order and budget, whether
//! there is time to release, why a year differs from the one before, and who came back.

use bursar::config::Settings;
use bursar::config::settings::Format;
use bursar::ledger::SeatResult;
use bursar::license::changes::{After, By, Change, ChangeKind, TimeFrom};
use bursar::license::{Moment, Seat, SeatType};
use bursar::report::gather::report;
use bursar::report::{Period, Report};
use bursar::store::{SeatReading, Store};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::insight_cli::{ask, bench, command_bench, now, three_years};
use crate::renewal::keep_list;
use crate::support::years;

fn prices(renews_on: &str) -> String {
    format!(
        "  cost:\n    currency: EUR\n    budgetPerYear: 80000\n    renewsOn: {renews_on}\n    analyzer: {{perSeatPerYear: 400}}\n    analyzerCapacity: {{perThousandMinutes: 20}}\n"
    )
}

fn rules(more: &str) -> String {
    format!(
        "    licenseRelease: {{enable: true, dryRun: true, licenseKeyShared: false, {more}, licenseType: {{analyzer: {{enable: true, maxReleases: 1}}}}}}\n"
    )
}

async fn at(store: &Store, settings: &Settings, period: &str, time: DateTime<Utc>) -> Report {
    let period = Period::parse(period, time.date_naive()).unwrap();
    report(store, settings, &["default".to_owned()], period, time).await.unwrap()
}

/// Analyzer only, growing, with 12 of 168 seats idle.
async fn growing(store: &Store, total: f64) {
    let seats = |n: i64| Some(((60.0 + n as f64 * 0.1).round(), total));
    years::keep_days(store, "default", "analyzer", (now().date_naive(), 1_080), seats).await;
    let minutes = (0..60).map(|n| years::noon(now().date_naive() - TimeDelta::days(n)));
    let minutes = minutes.flat_map(|time| years::minutes(time, 5_000.0, 10_000.0));
    store.keep_samples("default", minutes.collect()).await.unwrap();
    keep_list(store, 168, &[(12, 60)], now()).await;
}

/// A part of a document in Markdown, from its heading to the next one.
fn section<'a>(md: &'a str, title: &str) -> &'a str {
    let rest =
        md.split(&format!("### {title}\n")).nth(1).unwrap_or_else(|| panic!("{title}: {md}"));
    rest.split("\n### ").next().unwrap()
}

/// What is to be decided, by number.
fn decisions(md: &str) -> Vec<&str> {
    let list = md.split("**To decide**\n\n").nth(1).unwrap_or_else(|| panic!("{md}"));
    let numbered = (1..).zip(list.lines());
    numbered.map_while(|(n, line)| line.strip_prefix(&format!("{n}. "))).collect()
}

/// A line of the summary.
fn line<'a>(md: &'a str, name: &str) -> &'a str {
    let start = format!("- {name}: ");
    md.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{name}: {md}"))
}

/// A report of October that is made on 24 November has figures of both days: beside each block stands which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_the_past_says_of_which_day_each_block_is() {
    let more = format!("{}{}", rules("frequency: every 1 day"), prices("2027-03-31"));
    let (_folder, settings, store) = bench(&[], &more).await;
    growing(&store, 220.0).await;
    let md = at(&store, &settings, "2026-10", now()).await.write(Format::Md).unwrap();
    for (name, begins) in [
        ("Seats free", "as of 31 October 2026: "),
        ("To order", "as of 31 October 2026: "),
        ("Could be saved", "as of 24 November 2026: "),
    ] {
        let text = line(&md, name);
        assert!(text.starts_with(begins), "{name}: {text}");
    }
    // A list: what, how many, by when, for how much, and where it stands.
    let decide = decisions(&md);
    assert_eq!(decide.len(), 3, "{decide:?}");
    for (text, told) in [
        (decide[0], "as of 31 October 2026: by 30 March 2027, whether to order "),
        (decide[0], " Analyzer ("),
        (decide[0], " EUR over the budget"),
        // What would be released is of the list, and says so.
        (decide[0], "by the list of 24 November 2026"),
        (decide[0], "(see What to renew with)"),
        (decide[1], "as of 31 October 2026: what is paid if what is entitled is renewed as it is"),
        (decide[1], "in the year from 31 March 2027 to 30 March 2028"),
        (decide[1], "(see Cost of a year)"),
        (
            decide[2],
            "as of 24 November 2026: 12 reclaimable Analyzer seats, up to 4,800.00 EUR a year",
        ),
        (decide[2], "nothing is released"),
        (decide[2], "(see Idle and reclaimable seats)"),
    ] {
        assert!(text.contains(told), "{told}: {decide:?}");
    }
    for title in ["What to renew with", "Cost of a year", "Idle and reclaimable seats"] {
        section(&md, title);
    }
    let note = "What follows is of 24 November 2026, not of the end of the period.";
    for title in [
        "Idle and reclaimable seats",
        "What the release rules would have done",
        "Cost of a year by directory",
    ] {
        assert!(section(&md, title).contains(note), "{title}: {md}");
    }
    // One that goes on has one day.
    let md = at(&store, &settings, "2026", now()).await.write(Format::Md).unwrap();
    for text in [note, "as of 24 November 2026: ", "by the list of 24 November 2026, "] {
        assert!(!md.contains(text), "{text}: {md}");
    }
}

/// What is said of the budget of 80,000 in a text: `exceeds 80,000.00 EUR`.
fn verdicts(text: &str) -> Vec<String> {
    let said = ["within ", "may exceed ", "exceeds "].map(|word| format!("{word}80,000.00 EUR"));
    let found =
        said.iter().flat_map(|said| vec![said.clone(); text.matches(said.as_str()).count()]);
    found.collect()
}

/// What is ordered and what is paid if nothing is: which days each covers, and why they differ, in one place. The term
/// has minutes, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_and_budget_are_one_story() {
    let more = format!("{}{}", rules("frequency: every 1 day"), prices("2027-03-31"));
    let (folder, file, store) = command_bench(&[], &more).await;
    growing(&store, 190.0).await;
    let settings = bursar::config::load(std::path::Path::new(&file)).unwrap().settings;
    let report = at(&store, &settings, "2026", now()).await;
    let md = report.write(Format::Md).unwrap();
    let order = report.sites[0].order.as_ref().unwrap();
    let line = &order.lines[0];
    let to_pay = order.budget.unwrap().to_pay;
    assert!(line.change > 0, "the case is of more seats: {line:?}");
    let story = md.lines().find(|line| line.contains("Two answers to one question")).unwrap();
    for told in [
        "If what is entitled is renewed as it is, from 31 March 2027 to 30 March 2028, and seats",
        "The verdict on the budget is on this. The recommended order takes its place",
        &to_pay.written(settings.locale),
        &format!("It has {} seats more than are entitled", line.change),
    ] {
        assert!(story.contains(told), "{told}: {story}");
    }
    let next = section(&md, "Cost of a year");
    let year = "- Year of the budget: 31 March 2027 to 30 March 2028, if";
    assert!(next.contains(year), "{next}");
    // One verdict, of that year, wherever there is one.
    let cost = report.sites[0].cost.as_ref().unwrap();
    let budget = cost.budget.unwrap();
    let verdict = bursar::insight::words::verdict(&budget.verdict, budget.budget, settings.locale);
    let told = verdicts(&md);
    assert!(told.len() >= 3 && told.iter().all(|of| verdict.starts_with(of)), "{told:?} {verdict}");
    assert!(next.contains(&format!("{verdict}, in the year from 31 March 2027")), "{next}");
    // 10,000 minutes a month are 2,400 a year, in both columns and both sums.
    let table = section(&md, "What to renew with");
    assert!(table.contains("| 2,400.00 EUR | 2,400.00 EUR | minutes, as now |"), "{table}");
    let all = to_pay.written(settings.locale);
    assert!(table.contains(&format!("| {all} | {all} |")), "{all}: {table}");
    store.close().await;
    for command in ["cost", "renewal"] {
        let text = ask(&folder, &["insight", command, "-c", &file]);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("Two answers to one question"), "{text}");
        assert!(text.contains("from 31 March 202"), "{text}");
        assert!(verdicts(&text).len() == 1, "{text}");
    }
}

/// Seats that could be released count only where there are runs enough for it before the term: 12 seats, one a run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_be_released_is_set_against_the_runs_that_are_left() {
    for (schedule, renews_on, told, left) in [
        // From 25 November to the day before the term.
        ("0 6 * * *", "2027-01-01", "in 12 runs of at most 1 (37 runs are left: enough)", 37),
        ("0 6 * * *", "2026-12-01", "in 12 runs of at most 1; only 6 runs are left, for 6", 6),
        // More runs a day take no more: `maxReleases` is what goes within 22 hours.
        ("0 */2 * * *", "2026-12-01", "in 12 runs of at most 1; only 7 runs are left, for 7", 7),
    ] {
        let more = format!("{}{}", rules(&format!("frequency: '{schedule}'")), prices(renews_on));
        let (_folder, settings, store) = bench(&[], &more).await;
        growing(&store, 220.0).await;
        let report = at(&store, &settings, "2026", now()).await;
        let value: Value = serde_json::from_str(&report.write(Format::Json).unwrap()).unwrap();
        let runs = &value["sites"][0]["order"]["otherwise"]["lines"][0]["runs"];
        assert_eq!((&runs["needed"], &runs["left"]), (&12.into(), &left.into()), "{runs}");
        let md = report.write(Format::Md).unwrap();
        let decide = decisions(&md).join(" ");
        for place in [&*decide, section(&md, "Idle and reclaimable seats")] {
            assert!(place.contains(told), "{told}: {place}");
        }
        // How long that lasts stands there, too: 52 are free.
        let idle = section(&md, "Idle and reclaimable seats");
        assert!(idle.contains("with the 52 free ones 64, which run out: "), "{idle}");
    }
}

/// Why a year differs from the one before, what it costs, and of what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_that_differs_says_why_and_what_it_costs() {
    let (_folder, settings, store) = bench(&[], &prices("2027-03-31")).await;
    let bought = |n: i64| Some(if n < 400 { (50.0, 100.0) } else { (90.0, 150.0) });
    let days = (now().date_naive(), 900);
    years::keep_days(&store, "default", "analyzer", days, bought).await;
    let md = at(&store, &settings, "2026-10", now()).await.write(Format::Md).unwrap();
    let year = "Year on year: by the month only, means of the days: 2026-10 90.0, 2025-10 90.0: 0";
    assert!(md.contains(year), "{md}");
    assert!(md.contains("Cost of it: none: 150 seats are entitled, as a year before"), "{md}");
    let md = at(&store, &settings, "2025", now()).await.write(Format::Md).unwrap();
    // The purchase was on 13 July 2025: 193 days of 50, 172 of 90.
    for told in [
        "- Year on year: the whole period 68.8 on average, 1 January 2024 to 31 December 2024",
        "- Year on year, last month: by the month only",
    ] {
        assert!(!md.contains(told), "a year before isn't known: {md}");
    }
    for told in [
        "- Why: +40: 40.0 seats more were given out than given back",
        "- Cost of it: 20,000.00 EUR a year more: entitled 100 to 150 (+50), at the price of 24 November 2026",
    ] {
        assert!(md.contains(told), "{told}: {md}");
    }
    let md = at(&store, &settings, "2026-Q3", now()).await.write(Format::Md).unwrap();
    for told in [
        "- Year on year: the whole period 90.0 on average, 1 July 2025 to 30 September 2025 ",
        "- Year on year, last month: by the month only, means of the days: 2026-09",
    ] {
        assert!(md.contains(told), "{told}: {md}");
    }
}

fn seat(n: u128, created: DateTime<Utc>, used: DateTime<Utc>) -> Seat {
    Seat {
        id: Uuid::from_u128(5_000 + n),
        seat_type: SeatType::Analyzer,
        holder: Some(years::person(n, &format!("user{n}")).into()),
        deleted_user: None,
        created: Moment::At(created),
        last_used: Moment::At(used),
        excess: false,
        quarantined: None,
    }
}

async fn keep(store: &Store, time: DateTime<Utc>, seats: Vec<Seat>, changes: Vec<Change>) {
    let reading = SeatReading {
        time,
        lists: vec![(SeatType::Analyzer, seats)],
        changes,
        people: Vec::new(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
}

/// Four people lose their seat on 24 November; two have one again after 5 and 20 days.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_back_is_counted_of_those_of_whom_it_is_known() {
    let (_folder, mut settings, store) = bench(&[], "    seatMonitor: {enable: true}\n").await;
    years::keep_days(&store, "default", "analyzer", (now().date_naive(), 60), |_| {
        Some((50.0, 60.0))
    })
    .await;
    keep(&store, now() - TimeDelta::days(40), Vec::new(), Vec::new()).await;
    for n in 1..=4 {
        let person = years::person(n, &format!("user{n}"));
        years::attempt(&store, "default", SeatType::Analyzer, person, SeatResult::Freed).await;
    }
    let days = |days| now() + TimeDelta::days(days);
    let seats = vec![seat(1, days(5), days(39)), seat(2, days(20), days(21))];
    keep(&store, days(40), seats, Vec::new()).await;
    // At the end of November six days are over, and one is back: of what share isn't known yet.
    let md = at(&store, &settings, "2026-11", days(40)).await.write(Format::Md).unwrap();
    assert!(md.contains("Who came back after a release, as of 30 November 2026"), "{md}");
    assert!(md.contains("| in the period | 4 | – | – | – | 1 |"), "{md}");
    settings.report_names = true;
    let report = at(&store, &settings, "2026", days(40)).await;
    let md = report.write(Format::Md).unwrap();
    let row = "| 4 | 1 of 4 (25 %) | 2 of 4 (50 %) | – | 2 |";
    for when in ["in the period", "in 365 days"] {
        assert!(md.contains(&format!("| {when} {row}")), "{when}: {md}");
    }
    let value: Value = serde_json::from_str(&report.write(Format::Json).unwrap()).unwrap();
    let within = &value["sites"][0]["returned"]["inPeriod"]["within30Days"];
    assert_eq!((&within["back"], &within["of"]), (&2.into(), &4.into()));
    // Who is named has the last use of their seat.
    assert!(md.contains("| User | Name | Since | Last used | State | Next run |"), "{md}");
    assert!(md.contains("| 2026-12-14 15:00 UTC | 2026-12-15 15:00 UTC | held | – |"), "{md}");
}

/// Of twelve people who lost a seat three have one again: what could be saved counts with that, the same everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_be_saved_counts_with_who_came_back() {
    let more = format!("{}{}", rules("frequency: every 1 day"), prices("2027-09-30"));
    let (_folder, settings, store) = bench(&[], &more).await;
    let then = now() + TimeDelta::days(100);
    let seats = |_| Some((200.0, 220.0));
    years::keep_days(&store, "default", "analyzer", (then.date_naive(), 400), seats).await;
    for n in 901..=912 {
        let person = years::person(n, &format!("user{n}"));
        years::attempt(&store, "default", SeatType::Analyzer, person, SeatResult::Freed).await;
    }
    let days = |days| then + TimeDelta::days(days);
    let mut all: Vec<Seat> = (1..=20).map(|n| seat(n, days(-400), days(-60))).collect();
    all.extend((21..=197).map(|n| seat(n, days(-400), days(-1))));
    all.extend((901..=903).map(|n| seat(n, days(-40), days(-1))));
    let reading = SeatReading {
        time: then,
        lists: vec![(SeatType::Analyzer, all)],
        changes: Vec::new(),
        people: (1..=20).map(crate::renewal::whole).collect(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
    // A quarter of 20 seats, of 400 each.
    let amount = "6,000.00 to 8,000.00 EUR";
    let why = "the most if nobody comes back, the least if as many do as in the last 365 days: 3 of 12 within 90 days";
    let report = at(&store, &settings, "2027", then).await;
    let md = report.write(Format::Md).unwrap();
    let line = line(&md, "Could be saved");
    let told = format!("{amount} a year by releasing 20 reclaimable seats; {why}");
    assert!(line.starts_with(&told), "{line}");
    let idle = section(&md, "Idle and reclaimable seats");
    assert!(idle.contains(&format!("| Reclaimable \\* | 20 | {amount} |")), "{idle}");
    assert!(idle.contains(why), "{idle}");
    // So does what is ordered if they are released.
    let other = report.sites[0].order.as_ref().unwrap().otherwise.as_ref().unwrap().lines[0];
    assert_eq!(other.seats_if_back, Some(other.seats + 5));
    let told = format!("if as many come back as did: {}", other.seats + 5);
    assert!(section(&md, "What to renew with").contains(&told), "{told}: {md}");
    let csv = report.write(Format::Csv).unwrap();
    for (key, value) in [("low", "6000.00"), ("high", "8000.00"), ("back", "3"), ("of", "12")] {
        let row = format!("cost,default,EUR,,couldBeSaved.{key},{value}\r\n");
        assert!(csv.contains(&row), "{row}: {csv}");
    }
    let planning = bursar::planning::Planning::load(&store, &settings, "default", then).await;
    let text = bursar::cli::insight::cost::render(
        &planning.unwrap(),
        &bursar::cli::insight::chart::Style::plain(false),
    );
    crate::insight_cli::fits(&text);
    assert!(text.contains(&format!("20: {amount} *")), "{text}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(why), "{text}");
}

/// With names each seat says what the next run does with it: the planner's answer, as many as it would take, and why others stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_names_each_seat_says_what_the_next_run_does() {
    let more = format!("{}    seatMonitor: {{enable: true}}\n", rules("frequency: every 1 day"));
    let (_folder, mut settings, store) = bench(&[], &more).await;
    growing(&store, 190.0).await;
    let md = at(&store, &settings, "2026", now()).await.write(Format::Md).unwrap();
    assert!(!md.contains("Next run"), "nobody is named: {md}");
    settings.report_names = true;
    let report = at(&store, &settings, "2026", now()).await;
    let people = report.sites[0].holders[0].people.as_ref().unwrap();
    let next_run = report.sites[0].types[0].seats.as_ref().unwrap().limits.next_run;
    let count = |word: &str| people.iter().filter(|seat| seat.next_run == Some(word)).count();
    // Twelve are idle, and `maxReleases` is one.
    assert_eq!((count("release"), next_run), (1, 1));
    assert_eq!((count("over-cap"), count("used")), (11, 156));
    let md = report.write(Format::Md).unwrap();
    for told in [
        "| held | goes |",
        "| held | stays: due, and others come first: maxReleases lets no more go |",
        "| held | stays: used within releaseThresholdDays |",
        "by the lists of 2026-11-24 15:00 UTC, as if none went in the 22 hours before. But nothing is released",
    ] {
        assert!(md.contains(told), "{told}: {md}");
    }
    let csv = report.write(Format::Csv).unwrap();
    assert_eq!(csv.matches("analyzer.nextRun,release\r\n").count(), 1, "{csv}");
}

/// A change that Bursar made and that is not among the releases is listed, however many releases there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_without_its_release_is_listed_beside_as_many_releases() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    let yaml = years::settings_yaml(folder.path(), &[], "    seatMonitor: {enable: true}\n");
    std::fs::write(&file, yaml).unwrap();
    let settings = bursar::config::load(&file).unwrap().settings;
    let time: DateTime<Utc> = "2026-11-30T23:30:00Z".parse().unwrap();
    let store = years::open(&settings.storage.path, time).await;
    years::keep_days(&store, "default", "analyzer", (time.date_naive(), 60), |_| {
        Some((50.0, 60.0))
    })
    .await;
    let change = |n: u128, run: &str, time: DateTime<Utc>| Change {
        kind: ChangeKind::Released,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(1_000 + n),
        holder: Some(years::person(n, &format!("user{n}"))),
        deleted_user: None,
        after: After::Gone,
        from: None,
        time,
        time_from: TimeFrom::Ledger,
        by: By::Bursar { run: run.to_owned() },
        released_before: None,
        initial: false,
    };
    keep(&store, time - TimeDelta::days(40), Vec::new(), Vec::new()).await;
    let person = years::person(1, "user1");
    years::attempt(&store, "default", SeatType::Analyzer, person, SeatResult::Freed).await;
    // The release of November is seen as one of December; of the other one the ledger has no record.
    let changes = vec![
        change(1, "run-1", time + TimeDelta::hours(1)),
        change(2, "run-0", time - TimeDelta::days(3)),
    ];
    keep(&store, time + TimeDelta::hours(2), Vec::new(), changes).await;
    let md = at(&store, &settings, "2026-11", time + TimeDelta::hours(3)).await;
    let md = md.write(Format::Md).unwrap();
    let changes = section(&md, "Changes");
    assert!(changes.contains("| 2026-11-27 23:30 UTC | Analyzer |"), "{changes}");
    assert!(!changes.contains("among the releases"), "{changes}");
}

/// On paper a sheet is 182 mm wide: the text of a chart has 9 pt there, and no table ends a page with its head.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_printed_chart_can_be_read() {
    let (_folder, settings, store) = bench(&[], "").await;
    three_years(&store, "default", now().date_naive()).await;
    let html = at(&store, &settings, "2026", now()).await.write(Format::Html).unwrap();
    let print = html.split("@media print {").nth(1).unwrap();
    let after = |text: &str, name: &str| -> f64 {
        let rest = text.split(name).nth(1).unwrap_or_else(|| panic!("{name}"));
        let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        number.parse().unwrap()
    };
    let (tick, share) =
        (after(print, "svg .tick { font-size: "), after(print, "figure svg { width: "));
    let drawn = after(&html, "<svg viewBox=\"0 0 ");
    let points = 182.0 / 25.4 * 72.0 * share / 100.0 / drawn * tick;
    assert!(points >= 9.0, "{points}");
    // The head stays with the first rows: what is avoided after a head is not seen by browsers.
    let rule = "tbody > tr:nth-child(-n+3), tbody > tr:last-child { break-before: avoid; }";
    assert!(print.contains(rule), "{rule}");
}
