//! Figures that are told in several places are one figure.

use bursar::cli::insight::chart::Style;
use bursar::cli::insight::{cost, growth, utilization};
use bursar::config::Settings;
use bursar::config::settings::Format;
use bursar::insight::budget::Verdict;
use bursar::insight::forecast::RunsOut;
use bursar::insight::words;
use bursar::ledger::SeatResult;
use bursar::license::{Moment, Seat, SeatType};
use bursar::planning::{Planning, outlook};
use bursar::report::gather::report;
use bursar::report::{Period, Report};
use bursar::store::history::Sample;
use bursar::store::{SeatReading, Store};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::insight_cli::{bench, now, three_years};
use crate::support::years;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn of(store: &Store, settings: &Settings, period: &str) -> Report {
    let period = Period::parse(period, now().date_naive()).unwrap();
    let sites: Vec<_> = settings.sites.iter().map(|site| site.name.clone()).collect();
    report(store, settings, &sites, period, now()).await.unwrap()
}

fn json(report: &Report) -> Value {
    serde_json::from_str(&report.write(Format::Json).unwrap()).unwrap()
}

fn plain() -> Style {
    Style::plain(false)
}

/// 100 seats of 420 a year, some 45 to be bought late in the year, and 8,000 of the budget left.
#[tokio::test]
async fn the_budget_the_seats_to_buy_and_the_alert_are_one_computation() {
    let prices = "  cost: {currency: EUR, budgetPerYear: 50000, analyzer: {perSeatPerYear: 420}}\n";
    let (_folder, settings, store) = bench(&[], prices).await;
    let taken = |n: i64| (60.0 + n as f64 * 0.13).round();
    let last = now().date_naive();
    years::keep_days(&store, "default", "analyzer", (last, 300), |n| Some((taken(n), 100.0))).await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();

    let cost = planning.cost().unwrap();
    let projection = cost.next_year.by_type[0];
    assert!(projection.missing_low > 30, "{projection:?}");
    let budget = cost.budget.unwrap();
    let Verdict::Exceeded { by } = budget.verdict else { panic!("{budget:?}") };
    let over = |seats: u64| Decimal::from(seats * 420 + 42_000 - 50_000);
    assert_eq!(by.low.amount, over(projection.missing_low));
    assert_eq!(by.high.amount, over(projection.missing_high));
    assert_eq!(cost.next_year.to_pay, budget.to_pay, "without minutes it is the same");

    assert_eq!(outlook(&planning).cost.unwrap().budget, Some(budget));
    let en = bursar::words::Locale::default();
    let (to_buy, verdict) = (words::to_buy(&projection, en), words::budget(&budget, en));
    assert!(verdict.starts_with("exceeds 50,000.00 EUR by "), "{verdict}");
    let text = cost::render(&planning, &plain());
    let written = of(&store, &settings, "2026").await.write(Format::Md).unwrap();
    assert!(written.contains(&to_buy), "{written}");
    // In a column, with all seats on a line of their own.
    let [seats, all, amount] = words::to_buy_each(&projection, en);
    assert_eq!(to_buy, format!("{seats} ({all}): {amount}"));
    assert!(text.contains(&format!("{seats}: {amount}")) && text.contains(&all), "{text}");
    for text in [text, written] {
        assert!(text.contains(&verdict), "{text}");
    }
}

/// So many days up to now with 88 of 100 taken; on the last 30 the other 12 are in quarantine.
async fn quarantined(store: &Store, site: &str, days: i64, held: f64) {
    let last = now().date_naive();
    years::keep_days(store, site, "analyzer", (last, days), |n| {
        Some(if n < days - 30 { ((60.0 + n as f64 * 0.1).round(), 100.0) } else { (88.0, 100.0) })
    })
    .await;
    let samples = (0..30).flat_map(|ago| {
        let figure = |field: &'static str, value| Sample {
            time: years::noon(last - TimeDelta::days(ago)),
            pool: "analyzer".into(),
            field: field.into(),
            value,
        };
        [figure("available", 12.0 - held), figure("quarantined", held)]
    });
    store.keep_samples(site, samples.collect()).await.unwrap();
}

#[tokio::test]
async fn seats_in_quarantine_are_neither_free_nor_taken_anywhere() {
    let (_folder, settings, store) = bench(&["oslo", "bergen"], "").await;
    quarantined(&store, "oslo", 300, 12.0).await;
    quarantined(&store, "bergen", 300, 10.0).await;
    let planning = Planning::load(&store, &settings, "oslo", now()).await.unwrap();
    let current = planning.current(SeatType::Analyzer).unwrap();
    assert_eq!((current.taken, current.quarantined, current.free), (88.0, Some(12.0), Some(0.0)));
    let view = planning.forecast_view(SeatType::Analyzer, 12).unwrap().unwrap();
    assert_eq!((view.free, view.runs_out), (0.0, RunsOut::Already));
    assert_eq!(outlook(&planning).types[0].free, Some(0.0));

    let growth = planning.growth(SeatType::Analyzer).unwrap().unwrap();
    assert_eq!(growth.full_days, 30, "demand can't be seen on a full day");
    assert!(growth.per_month.middle > 2.5, "{growth:?}");
    let text = utilization::render(&planning, utilization::Options::default(), &plain());
    assert!(text.contains("88 of 100 taken"), "{text}");
    assert!(text.contains("12 in quarantine, 0 free"), "{text}");
    assert!(text.contains("Nothing could be given out on 30 of 300 days, lastly in 2026-11"));

    let report = of(&store, &settings, "2026-11").await;
    let text = report.write(Format::Md).unwrap();
    assert!(
        text.contains("| Analyzer seats | at the end: 2026-11-24 | 100 | 88 | 12 | 0 | 0 |"),
        "{text}"
    );
    assert!(text.contains("on 24 days nothing could be given out"), "{text}");
    let analyzer = &json(&report)["sites"][0]["types"][0];
    assert_eq!((&analyzer["fullDays"], &analyzer["atEnd"]["free"]), (&24.into(), &0.0.into()));

    // Two can be given out: they last as long as two do.
    let two = Planning::load(&store, &settings, "bergen", now()).await.unwrap();
    let view = two.forecast_view(SeatType::Analyzer, 12).unwrap().unwrap();
    assert_eq!(view.free, 2.0);
    let line = view.outlook.iter().find(|day| day.middle >= 90.0).expect("it grows");
    let earliest = view.runs_out.earliest(view.today).unwrap();
    assert!(earliest <= line.day, "{:?} after {line:?}", view.runs_out);
}

#[tokio::test]
async fn a_report_of_the_past_is_of_the_end_of_its_period() {
    const PRICES: &str = "  cost:\n    currency: EUR\n    budgetPerYear: 120000\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 400}\n";
    let (_folder, settings, store) = bench(&[], PRICES).await;
    three_years(&store, "default", now().date_naive()).await;
    read_lists(&store, now()).await;
    let report = of(&store, &settings, "2026-Q1").await;
    let value = json(&report);
    let site = &value["sites"][0];
    let analyzer = &site["types"][1];
    assert_eq!(value["asOf"], "2026-03-31T23:59:59.999Z");
    // 70 were bought in April: nobody knew then.
    assert_eq!(analyzer["forecast"]["asOf"], "2026-03-31");
    assert_eq!(analyzer["forecast"]["entitled"], 150.0);
    assert_eq!(analyzer["forecast"]["outlook"][0]["day"], "2026-04-30");
    assert_eq!(analyzer["daily"].as_array().unwrap().last().unwrap()["day"], "2026-03-31");
    assert_eq!(site["cost"]["entitled"]["amount"], "105000.00");
    assert_eq!(site["capacity"]["thisMonth"], Value::Null);
    // Who used a seat then isn't known: the list tells of now.
    assert_eq!((&site["leftOut"], &analyzer["seats"]), (&true.into(), &Value::Null));
    assert_eq!(site["simulation"], Value::Null);
    let html = report.write(Format::Html).unwrap();
    for text in [
        "As of 31 March 2026, from all the data up to then.",
        "Prices and budget are those of the settings on",
        "for what is entitled on 31 March 2026",
        "What is known only as it is now is left out",
        "end of the period",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert_eq!(
        html.matches("left out").count(),
        3,
        "its title, the contents, and what it says: once"
    );
    assert!(!html.contains(">today<") && !html.contains("This month:"));

    // What was made in the first days after it stands for its end.
    let soon = day("2026-10-31");
    let period = Period::parse("2026-10", now().date_naive()).unwrap();
    let sites = ["default".to_owned()];
    let then = years::noon(soon) + TimeDelta::days(2);
    let report = bursar::report::gather::report(&store, &settings, &sites, period, then).await;
    let value = json(&report.unwrap());
    assert_eq!(value["sites"][0]["leftOut"], false);
    assert_ne!(value["sites"][0]["types"][1]["seats"], Value::Null);
}

/// The lists are read at a time, for the first time.
async fn read_lists(store: &Store, time: DateTime<Utc>) {
    let seat = Seat {
        id: Uuid::from_u128(7),
        seat_type: SeatType::Analyzer,
        holder: Some(years::person(7, "bob").into()),
        deleted_user: None,
        created: Moment::At(time - TimeDelta::days(900)),
        last_used: Moment::At(time - TimeDelta::days(1)),
        excess: false,
        quarantined: None,
    };
    let reading = SeatReading {
        time,
        lists: vec![(SeatType::Analyzer, vec![seat])],
        changes: Vec::new(),
        people: Vec::new(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn changes_that_were_not_recorded_are_no_changes_only_if_that_is_known() {
    let watched = "    seatMonitor: {enable: true}\n";
    let (_folder, mut settings, store) = bench(&[], watched).await;
    settings.report_names = true;
    let last = now().date_naive();
    years::keep_days(&store, "default", "analyzer", (last, 200), |_| Some((50.0, 98.0))).await;
    let then: DateTime<Utc> = "2026-09-10T03:00:00Z".parse().unwrap();
    let earlier = years::open(&settings.storage.path, then).await;
    for (n, result) in [(1, SeatResult::Freed), (2, SeatResult::Freed), (2, SeatResult::Allocated)]
    {
        let who = years::person(n, &format!("user{n}"));
        years::attempt(&earlier, "default", SeatType::Analyzer, who, result).await;
    }
    read_lists(&store, now() - TimeDelta::days(20)).await;
    let changes = async |period: &str| {
        let text = of(&store, &settings, period).await.write(Format::Md).unwrap();
        let part = text.split("### Changes\n").nth(1).unwrap().split("\n##").next().unwrap();
        part.trim().to_owned()
    };
    let told = changes("2026-Q3").await;
    assert!(told.contains("Not recorded before 2026-11-04 15:00"), "{told}");
    assert!(told.contains("| Analyzer | released | 2 | 2 |"), "{told}");
    assert!(told.contains("| Analyzer | allocated | 1 | 1 |"), "{told}");
    // Each is told once: among the releases, with its proof.
    assert!(told.contains("3 changes by Bursar: each is among the releases"), "{told}");
    let text = of(&store, &settings, "2026-Q3").await.write(Format::Md).unwrap();
    let row = text.lines().filter(|line| line.contains("CORP\\\\user1")).collect::<Vec<_>>();
    assert!(matches!(row[..], [row] if row.contains("| released |")), "{row:?}");
    let unknown = changes("2026-10").await;
    assert!(unknown.contains("None is known.") && !unknown.contains("No changes"), "{unknown}");
    let partly = changes("2026-11").await;
    assert!(partly.contains("Not recorded before") && !partly.contains("No changes."), "{partly}");
}

/// Three polls a day of four, each day the same ones.
#[tokio::test]
async fn a_gap_of_each_day_is_told_once() {
    let (_folder, settings, store) = bench(&[], "").await;
    let midnight: DateTime<Utc> = "2026-11-01T00:00:00Z".parse().unwrap();
    let hours = (0..23).flat_map(|day| [0, 6, 12].map(|hour| day * 24 + hour));
    let sample = |field: &'static str, hour: i64, value| Sample {
        time: midnight + TimeDelta::hours(hour),
        pool: "analyzer".into(),
        field: field.into(),
        value,
    };
    let samples =
        hours.flat_map(|hour| [sample("allocated", hour, 50.0), sample("total", hour, 98.0)]);
    store.keep_samples("default", samples.collect::<Vec<_>>()).await.unwrap();
    let text = of(&store, &settings, "2026-11").await.write(Format::Md).unwrap();
    let gaps = text.split("### Gaps in the data\n").nth(1).unwrap().split("\n##").next().unwrap();
    assert_eq!(gaps.matches("polls are missing once a day").count(), 1, "{gaps}");
    assert!(gaps.contains("for 264.0 hours in all on 22 days, at most 12.0 at a time"), "{gaps}");
    assert_eq!(gaps.matches("\n| 2026-").count(), 1, "that since the last poll is another: {gaps}");
}

#[tokio::test]
async fn another_schedule_than_todays_makes_no_gap() {
    let (_folder, settings, store) = bench(&[], "").await;
    // Once a day; the settings ask for a poll every six hours.
    let last = now().date_naive();
    years::keep_days(&store, "default", "analyzer", (last, 200), |_| Some((50.0, 98.0))).await;
    let text = of(&store, &settings, "2026-Q3").await.write(Format::Md).unwrap();
    let gaps = text.split("### Gaps in the data\n").nth(1).unwrap().split("\n##").next().unwrap();
    assert!(gaps.contains("a poll came about every 24 hours, less often than"), "{gaps}");
    assert!(gaps.trim().ends_with("None.") && !gaps.contains("| From"), "{gaps}");
    assert!(text.contains("Days with data: 92 of 92"), "{text}");
}

#[tokio::test]
async fn cells_of_a_table_are_numbers_days_and_words_of_programs() {
    let (_folder, settings, store) = bench(&[], "").await;
    let last = now().date_naive();
    // 146 of 180: 81.11111 %.
    years::keep_days(&store, "default", "analyzer", (last, 300), |n| {
        Some(((100.0 + n as f64 * 0.153).round(), 180.0))
    })
    .await;
    years::keep_days(&store, "default", "professional", (last, 3), |_| Some((3.0, 7.0))).await;
    let text = of(&store, &settings, "2026").await.write(Format::Csv).unwrap();
    let mut rows = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let rows: Vec<Vec<String>> = rows.deserialize().map(Result::unwrap).collect();
    for row in &rows {
        let decimals =
            row[5].parse::<f64>().ok().and(row[5].split_once('.')).map_or(0, |(_, d)| d.len());
        assert!(decimals <= 4, "{row:?}");
        let is_figure =
            ["entitlement", "use", "growth", "forecast", "capacity"].contains(&row[0].as_str());
        assert!(!is_figure || !row[5].contains(' '), "{row:?}");
    }
    let find = |subject: &str, key: &str| {
        let row = rows.iter().find(|row| row[2] == subject && row[4] == key);
        row.map(|row| row[5].as_str()).unwrap_or_else(|| panic!("{subject} {key}: {text}"))
    };
    assert_eq!(find("analyzer", "runsOut"), "between");
    let earliest: NaiveDate = find("analyzer", "runsOut.earliest").parse().unwrap();
    assert!(earliest > last);
    assert_eq!(find("professional", "notEnough.need"), "8");
    assert_eq!(find("professional", "notEnough.unit"), "weeks");
    assert_eq!(find("analyzer", "atEnd.free"), "34");
    assert_eq!(find("analyzer", "atEnd.percent"), "81.1111");
}

/// A range of growth never has the same figure at both ends.
#[tokio::test]
async fn ends_of_a_range_are_told_apart() {
    let (_folder, settings, store) = bench(&[], "").await;
    let last = now().date_naive();
    let month = bursar::insight::DAYS_PER_MONTH;
    years::keep_days(&store, "default", "analyzer", (last, 300), |n| {
        Some((60.0 + n as f64 * 1.5 / month + if n % 2 == 0 { 0.001 } else { 0.0 }, 198.0))
    })
    .await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let text = growth::render(&planning, None, &plain());
    let range = text.split("in 80 of 100 cases ").nth(1).unwrap().lines().next().unwrap();
    let ends: Vec<_> = range.split(" to ").collect();
    assert!(range == "the same" || ends[0] != ends[1], "{text}");
    let written = of(&store, &settings, "2026").await.write(Format::Md).unwrap();
    assert!(written.contains(&format!("in 80 of 100 cases {range}")), "{written}");
}
