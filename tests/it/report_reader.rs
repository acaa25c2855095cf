//! What somebody finds who reads a report, a page of cost or a renewal for the first time: one answer to each
//! question, the same wherever it is told.

use bursar::cli::insight::chart::Style;
use bursar::cli::insight::{cost, forecast, renewal, utilization};
use bursar::config::Settings;
use bursar::config::settings::Format;
use bursar::insight::utilization::Step;
use bursar::license::SeatType;
use bursar::planning::Planning;
use bursar::report::gather::report;
use bursar::report::{Period, Report};
use bursar::store::Store;
use bursar::store::history::Sample;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::insight_cli::{ask, bench, command_bench, fits, json, now, three_years};
use crate::renewal::keep_list;
use crate::support::years;

const PRICES: &str = "  cost:\n    currency: EUR\n    budgetPerYear: 140000\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 400}\n    analyzerCapacity: {perThousandMinutes: 20}\n";

fn releasing(enable: bool, dry_run: bool, of: &str) -> String {
    format!(
        "    licenseRelease: {{enable: {enable}, dryRun: {dry_run}, licenseKeyShared: false, licenseType: {{{of}}}}}\n"
    )
}

const ANALYZER: &str = "analyzer: {enable: true}";

async fn of(store: &Store, settings: &Settings, period: &str) -> Report {
    let period = Period::parse(period, now().date_naive()).unwrap();
    report(store, settings, &["default".to_owned()], period, now()).await.unwrap()
}

fn all() -> renewal::Options {
    renewal::Options { on: None, months: vec![12, 24, 36], risk: vec![5, 20], seat_type: None }
}

/// One space in place of any number of them.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of both answers one is marked: which one follows from whether runs release. Its total stands beside the budget.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_row_is_recommended_and_the_rows_of_all_types_are_one_order() {
    for (rules, with_release, why) in [
        (
            releasing(true, true, ANALYZER),
            false,
            "without release: runs only rehearse (dryRun is on)",
        ),
        (
            releasing(false, false, ANALYZER),
            false,
            "without release: releases are off (licenseRelease)",
        ),
        (
            releasing(true, false, "professional: {enable: true}"),
            false,
            "without release: the settings release none of this type",
        ),
        (
            releasing(true, false, ANALYZER),
            true,
            "after release: runs release for real (dryRun is off)",
        ),
    ] {
        let (_folder, settings, store) = bench(&[], &format!("{rules}{PRICES}")).await;
        three_years(&store, "default", now().date_naive()).await;
        keep_list(&store, 168, &[(12, 60)], now()).await;
        let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
        let answer = renewal::figures(&planning, &all());
        let analyzer = answer.types[1].renewal.as_ref().unwrap();
        assert_eq!(analyzer.answer.recommended.with_release, with_release, "{why}");
        let risk = &analyzer.answer.terms[0].choices[0];
        let chosen =
            if with_release { risk.with_release.as_ref().unwrap() } else { &risk.without_release };
        let professional = answer.types[0].renewal.as_ref().unwrap().answer.terms[0].choices[0]
            .without_release
            .seats;
        let order = answer.order.as_ref().unwrap();
        let seats: Vec<_> = order.lines.iter().map(|line| line.seats).collect();
        assert_eq!(seats, [professional, chosen.seats]);
        // Seats of a year, and 10,000 minutes a month.
        let year = professional * 900 + chosen.seats * 400;
        assert_eq!(order.per_year.unwrap().amount, year.into());
        let budget = order.budget.unwrap();
        assert_eq!(budget.to_pay.amount, (year + 2_400).into());

        let text = renewal::render(&planning, &all(), &Style::plain(false));
        fits(&text);
        assert_eq!(
            text.matches(" * ").count(),
            2 + 2,
            "a row of each type, and its explanation: {text}"
        );
        // The verdict is on what is paid if what is entitled is renewed as it is; of the order is said what it is beside that.
        let paid = planning.cost().unwrap().budget.unwrap();
        let verdict = bursar::insight::words::verdict(&paid.verdict, paid.budget, settings.locale);
        for told in
            ["Recommended order", why, &verdict, "Two answers to one question, each for a year."]
        {
            assert!(text.contains(told), "{told}: {text}");
        }
        // Beside the budget of the cost stands the same.
        let beside = cost::render(&planning, &Style::plain(false));
        fits(&beside);
        for told in [why, &verdict, "Budget", "Or order anew", "Two answers to one question"] {
            assert!(beside.contains(told), "{told}: {beside}");
        }
        // And in the report, where one table has a marked row of each type.
        let report = of(&store, &settings, "2026").await;
        let md = report.write(Format::Md).unwrap();
        for told in [
            why,
            &verdict,
            "Recommended order: the marked rows together",
            "Two answers to one question",
        ] {
            assert!(md.contains(told), "{told}: {md}");
        }
        let value: Value = serde_json::from_str(&report.write(Format::Json).unwrap()).unwrap();
        let command: Value =
            serde_json::from_str(&bursar::plain::to_json(&answer.order).unwrap()).unwrap();
        assert_eq!(value["sites"][0]["order"], command);
        let csv = report.write(Format::Csv).unwrap();
        let row = format!("order,default,EUR,,toPay,{}.00\r\n", year + 2_400);
        assert!(csv.contains(&row), "{row}: {csv}");
    }
}

/// A type for which the data is too short, or that has no price, is in no total, and then no word is said on the budget.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_lacks_a_type_is_not_set_against_the_budget() {
    let half = "  cost:\n    currency: EUR\n    budgetPerYear: 140000\n    analyzer: {perSeatPerYear: 400}\n";
    let (folder, file, store) = command_bench(&["oslo", "rome"], half).await;
    let yesterday = Utc::now().date_naive() - TimeDelta::days(1);
    let grows = |n: i64| Some(((50.0 + n as f64 * 0.1).round(), 150.0));
    for (site, days) in [("oslo", 20), ("rome", 300)] {
        years::keep_days(&store, site, "analyzer", (yesterday, 300), grows).await;
        years::keep_days(&store, site, "professional", (yesterday, days), |_| Some((5.0, 9.0)))
            .await;
    }
    store.close().await;
    let text = ask(&folder, &["insight", "renewal", "-c", &file]);
    fits(&text);
    let [oslo, rome] = text.split("Site rome").collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(oslo.contains("without Professional: too little data"), "{oslo}");
    assert!(rome.contains("without Professional: no price"), "{rome}");
    let answer = json(&folder, &["insight", "renewal", "-c", &file]);
    for site in answer["sites"].as_array().unwrap() {
        assert_eq!(site["order"]["budget"], Value::Null, "{site}");
        assert!(site["order"]["perYear"]["amount"].is_string(), "{site}");
    }
}

/// Under `dryRun` nothing will be released: that is said beside each figure that counts on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_is_said_beside_every_figure_after_release() {
    for (dry_run, told) in [(true, true), (false, false)] {
        let (_folder, settings, store) =
            bench(&[], &format!("{}{PRICES}", releasing(true, dry_run, ANALYZER))).await;
        three_years(&store, "default", now().date_naive()).await;
        keep_list(&store, 168, &[(12, 60)], now()).await;
        let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
        let style = Style::plain(false);
        let options = forecast::Options { seat_type: None, months: 12 };
        let said = "nothing is released: runs only rehearse (dryRun)";
        let md = of(&store, &settings, "2026").await.write(Format::Md).unwrap();
        let section = |title: &str| {
            let rest =
                md.split(&format!("### {title}\n")).nth(1).unwrap_or_else(|| panic!("{title}"));
            rest.split("\n### ").next().unwrap().to_owned()
        };
        for text in [
            forecast::render(&planning, options, Default::default(), &style),
            renewal::render(&planning, &all(), &style),
            cost::render(&planning, &style),
            section("Growth and forecast"),
            section("What to renew with"),
            section("Idle and reclaimable seats"),
            section("Cost of a year"),
            md.split("## Contents").next().unwrap().to_owned(),
        ] {
            assert_eq!(flat(&text).contains(said), told, "{text}");
        }
    }
}

/// Four figures are called something like the cost of idle seats: they stand beside one another, and one is the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_idle_seats_cost_has_one_answer() {
    let rules = releasing(true, true, "analyzer: {enable: true, maxReleasePercent: 90}");
    let (_folder, settings, store) = bench(&[], &format!("{rules}{PRICES}")).await;
    three_years(&store, "default", now().date_naive()).await;
    keep_list(&store, 168, &[(12, 60)], now()).await;
    let report = of(&store, &settings, "2026").await;
    let md = report.write(Format::Md).unwrap();
    // Of Professional seats no list was read, so that no sum is known.
    assert!(!md.contains("What idle seats cost a year"), "{md}");
    let one = PRICES.replace("    professional: {perSeatPerYear: 900}\n", "");
    let (_folder, settings, store) = bench(&[], &format!("{rules}{one}")).await;
    let seats = |n: i64| Some(((60.0 + n as f64 * 0.1).round(), 220.0));
    years::keep_days(&store, "default", "analyzer", (now().date_naive(), 1_080), seats).await;
    keep_list(&store, 168, &[(12, 60)], now()).await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let report = of(&store, &settings, "2026").await;
    let md = report.write(Format::Md).unwrap();
    // 168 of 220 are taken, 12 of them idle: 4,800 of 400 each; 52 are free.
    for row in [
        "| Reclaimable \\* | 12 | up to 4,800.00 EUR | list of 2026-11-24 15:00 UTC | idle, and let go",
        "| Idle | 12 | 4,800.00 EUR | list of 2026-11-24 15:00 UTC | not used for",
        "| Free | 52 | 20,800.00 EUR | 2026-11-24 | entitled, and nobody has them",
        "| Saved by releases | – | 0.00 EUR | 365 days to 2026-11-24 | by what was released",
    ] {
        assert!(md.contains(row), "{row}: {md}");
    }
    assert!(md.contains("Reclaimable is the answer"), "{md}");
    assert!(
        md.contains("Could be saved: up to 4,800.00 EUR a year by releasing 12 reclaimable seats; if nobody comes back: how many do is not known, as no seat was released in the last 365 days"),
        "{md}"
    );
    let text = cost::render(&planning, &Style::plain(false));
    fits(&text);
    for told in ["12: up to 4,800.00 EUR *", "52: 20,800.00 EUR\n", "*: Reclaimable is the answer"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
}

fn license(time: DateTime<Utc>, days: f64, state: f64) -> Vec<Sample> {
    let sample = |field: &'static str, value| Sample {
        time,
        pool: "server_license".into(),
        field: field.into(),
        value,
    };
    let days = (days >= 0.0).then(|| sample("days_until_expiry", days));
    days.into_iter().chain([sample("state", state)]).collect()
}

/// A term begins after the end of the license as it was known at the end of the period, not at that end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_the_past_takes_the_end_of_the_license_as_it_was_recorded() {
    let watched = "    serverLicenseMonitor: {enable: true}\n";
    let (_folder, settings, store) = bench(&[], &format!("{watched}{PRICES}")).await;
    three_years(&store, "default", now().date_naive()).await;
    // Until 2026 it ended on 31 December 2025; then it had no end for a while, and another one since May.
    let noon = |text: &str| years::noon(text.parse().unwrap());
    let read = [("2025-09-29", 93.0, 8.0), ("2026-01-20", -1.0, 7.0), ("2026-05-02", 243.0, 8.0)];
    let samples = read.into_iter().flat_map(|(day, days, state)| license(noon(day), days, state));
    store.keep_samples("default", samples.collect()).await.unwrap();
    for (period, on, told) in [
        (
            "2025-Q3",
            "2026-01-01",
            "It was to end on 31 December 2025, by what was read last in the period, on 2025-09-29 12:00 UTC",
        ),
        ("2026-01", "2026-01-31", "Its end was not recorded then."),
        ("2026-05", "2027-01-01", "It was to end on 31 December 2026"),
    ] {
        let report = of(&store, &settings, period).await;
        let begins = report.sites[0].types[1].renewal.as_ref().unwrap().renewal.as_ref().unwrap();
        assert_eq!(begins.answer.on.to_string(), on, "{period}");
        let md = report.write(Format::Md).unwrap();
        assert!(md.contains(told), "{told}: {md}");
    }
    let md = of(&store, &settings, "2025-Q3").await.write(Format::Md).unwrap();
    assert!(
        md.contains("server license ends 31 December 2025, as read on 29 September 2025"),
        "{md}"
    );
    assert!(md.contains("License ends: 31 December 2025, as read on 29 September 2025"), "{md}");
}

/// October 2026 begins with a Thursday and ends with a Saturday.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weeks_at_the_edges_of_a_month_count_what_is_in_it() {
    let (_folder, settings, store) = bench(&[], "").await;
    let days = (now().date_naive(), 60);
    years::keep_days(&store, "default", "analyzer", days, |n| Some((n as f64, 99.0))).await;
    let report = of(&store, &settings, "2026-10").await;
    let of_type = &report.sites[0].types[0];
    let changed: f64 = of_type.periods.iter().filter_map(|week| week.change).sum();
    let (before, end) = (of_type.before.unwrap(), of_type.at_end.unwrap());
    assert_eq!((changed, end.taken - before.taken), (31.0, 31.0));
    let md = report.write(Format::Md).unwrap();
    for row in ["| 4 of 4 |", "| 6 of 6 |", "Weeks at the ends have only their days in the period"]
    {
        assert!(md.contains(row), "{row}: {md}");
    }
    // A month that goes on is told with the days that it will have.
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let range = (now().date_naive() - TimeDelta::days(23), now().date_naive());
    let month = &planning.utilization(SeatType::Analyzer, Step::Month, range)[0];
    assert_eq!((month.days, month.of), (24, 30));
}

/// A year's jump is set beside what is recorded of that year; that nothing is, is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_against_the_year_before_is_set_beside_what_is_recorded() {
    let days = (now().date_naive(), 600);
    let jumps = |n: i64| Some((if n < 400 { 50.0 } else { 90.0 }, 150.0));
    let bought =
        |n: i64| Some((if n < 400 { 50.0 } else { 90.0 }, if n < 400 { 100.0 } else { 150.0 }));
    for (buys, told) in [
        (false, "Recorded between: nothing that explains it: no change of what is entitled"),
        (
            true,
            "Recorded between: entitled 100 to 150 on 9 May 2026; nothing else that explains it",
        ),
    ] {
        let (_folder, settings, store) = bench(&[], "").await;
        match buys {
            true => years::keep_days(&store, "default", "analyzer", days, bought).await,
            false => years::keep_days(&store, "default", "analyzer", days, jumps).await,
        }
        let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
        let md = of(&store, &settings, "2026-10").await.write(Format::Md).unwrap();
        let options = utilization::Options::default();
        let text = utilization::render(&planning, options, &Style::plain(false));
        fits(&text);
        for text in [md, text] {
            assert!(flat(&text).contains(told), "{told}: {text}");
        }
    }
}

/// What may be none is told so, and not to be there by a day.
#[test]
fn seats_that_may_not_have_to_be_bought_are_told_so() {
    use bursar::insight::cost::MoneyRange;
    use bursar::insight::forecast::RunsOut;
    use bursar::insight::money::{Currency, Money};
    use bursar::insight::purchase::{Batch, Purchase};
    use bursar::insight::words::first_to_buy;
    let money = |amount: i64| Money::new(amount.into(), Currency::parse("EUR").unwrap());
    let batch = |seats| vec![Batch { day: "2027-09-16".parse().unwrap(), seats }];
    let words = |low, high| {
        let few = if low > 0 { batch(low) } else { vec![] };
        let cases = vec![(few, money(0)), (batch(high), money(1)), (batch(high), money(2))];
        let day = "2027-09-16".parse().unwrap();
        let runs_out = RunsOut::Between {
            earliest: day,
            latest: None,
            median: None,
            within_ten_years_percent: 50,
        };
        let of = Purchase::of(cases, &runs_out, "2026-11-24".parse().unwrap()).unwrap();
        assert_eq!(of.cost, MoneyRange { low: money(0), middle: money(1), high: money(2) });
        first_to_buy(&of, Default::default())
    };
    assert_eq!(words(0, 3).unwrap(), "if any, the first by 16 September 2027");
    assert_eq!(words(2, 3).unwrap(), "the first has to be there by 16 September 2027");
}

/// The first page has what is to be known and decided, in five lines at most, of figures that stand below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_begins_with_five_lines() {
    let rules = releasing(true, true, ANALYZER);
    let (_folder, settings, store) = bench(&[], &format!("{rules}{PRICES}")).await;
    three_years(&store, "default", now().date_naive()).await;
    keep_list(&store, 168, &[(12, 60)], now()).await;
    let report = of(&store, &settings, "2026").await;
    let md = report.write(Format::Md).unwrap();
    let (head, rest) = md.split_once("## Contents").unwrap();
    let summary = head.split("**Summary**").nth(1).unwrap();
    let (summary, decide) = summary.split_once("**To decide**").unwrap();
    let lines: Vec<_> = summary.lines().filter(|line| !line.is_empty()).collect();
    assert!((4..=5).contains(&lines.len()), "{summary}");
    let order = report.sites[0].order.as_ref().unwrap();
    let to_pay = order.budget.unwrap().to_pay.written(settings.locale);
    for told in [
        "- License ends: not known",
        "52 of 220 Analyzer (run out: between 15 February and 2 August 2028)",
        &to_pay,
    ] {
        assert!(summary.contains(told), "{told}: {summary}");
    }
    let told = "12 reclaimable Analyzer seats, up to 4,800.00 EUR a year, if nobody comes back: nothing is released: \
                runs only rehearse (dryRun)";
    assert!(decide.contains(told), "{decide}");
    for figure in [to_pay.as_str(), "between 15 February and 2 August 2028"] {
        assert!(rest.contains(figure), "{figure} stands below, too");
    }
    let html = report.write(Format::Html).unwrap();
    let summary = html.find("class=\"summary\"").unwrap();
    assert!(summary < html.find("<nav").unwrap(), "before the contents");
}

/// Lists of hundreds stand at the end, once each: what Bursar did is among the releases only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lists_are_annexes_and_stand_once() {
    let (_folder, settings, store) = bench(&[], "    seatMonitor: {enable: true}\n").await;
    three_years(&store, "default", now().date_naive()).await;
    keep_list(&store, 168, &[(12, 60)], now() - TimeDelta::hours(1)).await;
    for n in 500..530 {
        let person = years::person(n, "someone");
        let freed = bursar::ledger::SeatResult::Freed;
        years::attempt(&store, "default", SeatType::Analyzer, person, freed).await;
    }
    let report = of(&store, &settings, "2026-11").await;
    let md = report.write(Format::Md).unwrap();
    let (body, annex) = md.split_once("### Annex: Each release").unwrap();
    let hash = &report.sites[0].releases[3].hash;
    assert!(annex.contains(hash.as_str()) && !body.contains(hash.as_str()), "{md}");
    assert!(body.contains("30 rows, at the end: Annex: Each release"), "{body}");
    assert!(
        body.contains("30 changes by Bursar: each is among the releases, with its proof."),
        "{body}"
    );
    assert_eq!(
        md.matches("| freed |").count() + md.matches("| released |").count(),
        30 + 1,
        "{md}"
    );
}

/// A time is told with its zone, and what is to come is seen first on a narrow screen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_have_their_zone_and_narrow_screens_show_what_is_to_come() {
    let (_folder, mut settings, store) = bench(&[], "").await;
    settings.time_zone = chrono_tz::Europe::Oslo;
    three_years(&store, "default", now().date_naive()).await;
    let report = of(&store, &settings, "2026").await;
    let html = report.write(Format::Html).unwrap();
    assert!(html.contains("2026-11-24 16:00 CET (Europe/Oslo)"), "{html}");
    let ahead = html.matches("<div class=\"wide right\"").count();
    assert_eq!(ahead, 2, "the forecasts of two types");
    assert!(html.contains(".wide.right { direction: rtl; }"));
}
