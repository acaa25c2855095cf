//! What to renew with, and what if: on history whose future is known.

use bursar::cli::insight::chart::Style;
use bursar::cli::insight::{cost, renewal};
use bursar::config::settings::Format;
use bursar::event::{Body, Event};
use bursar::license::pools::SeatPool;
use bursar::license::server::{Expiry, Kind};
use bursar::license::{Moment, Person, Pools, Seat, SeatType, ServerLicense, assess};
use bursar::planning::Planning;
use bursar::report::Period;
use bursar::report::gather::report;
use bursar::store::{SeatReading, Store};
use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::insight_cli::{ask, bench, command_bench, fits, json, now, three_years};
use crate::support::process::output;
use crate::support::years;

const PRICES: &str = "  cost:\n    currency: EUR\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 400}\n";

pub fn whole(id: u128) -> Person {
    Person {
        id: Uuid::from_u128(id),
        directory: "CORP".into(),
        user_id: "a".into(),
        name: "".into(),
        roles: Some(Vec::new()),
        groups: Some(Vec::new()),
        tags: Vec::new(),
        properties: Vec::new(),
        inactive: false,
        blocked: false,
        removed_externally: false,
    }
}

/// So many Analyzer seats: the first of them are idle for so many days, the others were used yesterday.
pub async fn keep_list(store: &Store, seats: u128, idle: &[(u128, i64)], now: DateTime<Utc>) {
    let used = |n: u128| {
        let mut from = 0;
        let found = idle.iter().find(|(count, _)| {
            from += count;
            n <= from
        });
        found.map_or(1, |(_, days)| *days)
    };
    let seat = |n: u128| Seat {
        id: Uuid::from_u128(n),
        seat_type: SeatType::Analyzer,
        holder: Some(years::person(n, "a").into()),
        deleted_user: None,
        created: Moment::At(now - TimeDelta::days(400)),
        last_used: Moment::At(now - TimeDelta::days(used(n))),
        excess: false,
        quarantined: None,
    };
    let all: u128 = idle.iter().map(|(count, _)| count).sum();
    let reading = SeatReading {
        time: now,
        lists: vec![(SeatType::Analyzer, (1..=seats).map(seat).collect())],
        changes: Vec::new(),
        people: (1..=all).map(whole).collect(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
}

fn day(value: &Value) -> NaiveDate {
    value.as_str().unwrap().parse().unwrap()
}

/// 57 weeks from 8,004 seats on, two more each day, so 8,800 on the last; of 10,000. 300 of them are idle for
/// 60 days, and 200 for 40.
async fn ten_thousand(store: &Store) {
    let yesterday = Utc::now().date_naive() - TimeDelta::days(1);
    let seats = |n: i64| Some((8_004.0 + 2.0 * n as f64, 10_000.0));
    years::keep_days(store, "default", "analyzer", (yesterday, 399), seats).await;
    keep_list(store, 8_800, &[(300, 60), (200, 40)], Utc::now() - TimeDelta::hours(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_ten_thousand_seats_a_line_needs_what_it_reaches() {
    let (folder, file, store) = command_bench(&[], PRICES).await;
    ten_thousand(&store).await;
    store.close().await;
    let answer = json(&folder, &["insight", "renewal", "-c", &file, "--months", "24,12"]);
    let of_type = &answer["sites"][0]["types"][0];
    let renewal = &of_type["renewal"];
    assert_eq!((&renewal["taken"], &renewal["reclaimable"]), (&8_800.0.into(), &500.into()));
    assert_eq!(renewal["paths"], 400);
    let on = day(&renewal["on"]);
    assert_eq!(on, day(&renewal["today"]));
    let terms = renewal["terms"].as_array().unwrap();
    assert_eq!(terms.len(), 2);
    for (term, months) in terms.iter().zip([12, 24]) {
        assert_eq!(term["months"], months);
        let last = day(&term["last"]);
        assert_eq!(last + TimeDelta::days(1), on + Months::new(months));
        let ahead = (last - day(&renewal["asOf"])).num_days();
        for (choice, risk) in term["choices"].as_array().unwrap().iter().zip([5, 20]) {
            assert_eq!(choice["riskPercent"], risk);
            let [without, with] = ["withoutRelease", "withRelease"].map(|key| &choice[key]);
            // The level of weeks may be a fraction of a seat above the line.
            let seats = without["seats"].as_i64().unwrap();
            let reached = 8_800 + 2 * ahead;
            assert!((reached..=reached + 1).contains(&seats), "{seats} {reached}");
            assert_eq!(with["seats"], seats - 500);
            assert_eq!(without["change"], seats - 10_000);
            let price = format!("{}.00", seats * 400 * i64::from(months) / 12);
            assert_eq!(without["price"]["amount"], price);
            assert_eq!(without["tooFew"]["missing"], Value::Null);
            // Free on the average day: what the line climbs from the first to the last day, halved.
            let days = (last - on).num_days();
            let free = without["tooMany"]["seats"]["middle"].as_f64().unwrap();
            assert!((free - (seats - reached + days) as f64).abs() < 2.0, "{free} {days}");
            let idle: f64 =
                without["tooMany"]["idle"]["middle"]["amount"].as_str().unwrap().parse().unwrap();
            let expected = free * (days + 1) as f64 * 400.0 / 365.0;
            assert!((idle - expected).abs() < 2.0, "{idle} {expected}");
        }
    }
    // The last 365 days with today, of which nothing is known: 8,800, 8,798 ... on a day each.
    let curve = &of_type["curve"];
    assert_eq!(curve["basis"]["days"], 364);
    let rows = curve["rows"].as_array().unwrap();
    assert_eq!(
        (rows.len(), &rows[0]["seats"], &rows[363]["days"]),
        (364, &8_800.into(), &364.into())
    );
    assert_eq!((&rows[90]["seats"], &rows[90]["percent"]), (&8_620.into(), &25.0.into()));

    let text = ask(&folder, &["insight", "renewal", "-c", &file]);
    fits(&text);
    assert!(text.contains("8,800 of 10,000 taken, 1,200 free"), "{text}");
    assert!(text.contains("500, released once, today"), "{text}");
}

#[tokio::test]
async fn seats_of_a_term_are_shown_with_what_it_costs_to_be_wrong() {
    let (_folder, settings, store) = bench(&[], PRICES).await;
    three_years(&store, "default", now().date_naive()).await;
    keep_list(&store, 168, &[(12, 60)], now()).await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let options = renewal::Options {
        on: Some("2027-04-01".parse().unwrap()),
        months: vec![12, 36],
        risk: vec![20, 5],
        seat_type: Some(SeatType::Analyzer),
    };
    let text = renewal::render(&planning, &options, &Style::plain(false));
    fits(&text);
    for told in [
        "Analyzer seats, from 1 April 2027\n",
        "  Now             168 of 220 taken, 52 free\n",
        "  Reclaimable     12, released once, by 1 April 2027: \"after release\"\n",
        "  Model           straight line, the least error so far (no change = 1):\n                  line",
        "SEATS  CHANGE  PRICE EUR  AFTER RELEASE  PRICE EUR\n",
        "FREE  PAID FOR THEM",
        "100 % of the days\n         line: so many taken, 365 days to 24 November 2026   faint: entitled\n",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    // What the rows say is what is reckoned, the smaller risk first.
    let answer = renewal::figures(&planning, &options);
    let terms = &answer.types[0].renewal.as_ref().unwrap().answer.terms;
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.contains(" %  ") && !line.contains('('))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let mut told = rows.iter();
    for term in terms {
        let [five, twenty] = term.choices.as_slice() else { panic!("{term:?}") };
        assert!(five.without_release.seats >= twenty.without_release.seats);
        for (risks, choice) in term.rows() {
            let (without, with) = (&choice.without_release, choice.with_release.as_ref().unwrap());
            assert_eq!(with.seats, without.seats - 12);
            let row: Vec<_> = told.next().unwrap().iter().filter(|cell| **cell != "*").collect();
            let risk = row.iter().position(|cell| **cell == "%").unwrap();
            assert_eq!(*row[risk - 1], risks.last().unwrap().to_string());
            assert_eq!(*row[risk + 1], without.seats.to_string());
            assert_eq!(*row[risk + 4], with.seats.to_string());
        }
    }
    let text = renewal::render(&planning, &options, &Style::plain(true));
    fits(&text);
    assert!(text.is_ascii(), "{text}");
}

/// What is reclaimable is all that is due, however few go in one run; and nothing while a guard stops the runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_run_takes_is_not_all_that_is_reclaimable() {
    for (rule, reclaimable, said) in [
        ("maxReleases: 5", 12, "next run: 5 of them, the most of one (maxReleases)"),
        ("graceDays: 14, maxReleases: 5", 12, "12 of them only after a notice"),
        ("maxReleases: 20", 12, ""),
        // 52 are free: two more are wanted.
        ("keepFree: 54, maxReleases: 1", 2, "10 stay: 54 are to be free, 52 are (keepFree)"),
        ("maxReleasePercent: 5", 0, "12 are held back by a guard (maxReleasePercent)"),
    ] {
        let rules = format!(
            "    licenseRelease: {{enable: true, dryRun: true, licenseKeyShared: false, licenseType: {{analyzer: {{enable: true, {rule}}}}}}}\n"
        );
        let (_folder, settings, store) = bench(&[], &format!("{rules}{PRICES}")).await;
        three_years(&store, "default", now().date_naive()).await;
        keep_list(&store, 168, &[(12, 60)], now()).await;
        let pool = SeatPool {
            enabled: true,
            total: 220.0,
            allocated: 168.0,
            available: 52.0,
            used: 100.0,
            quarantined: 0.0,
            excess: 0.0,
        };
        let pools = Pools { analyzer: Some(pool), ..Pools::default() };
        let event = Event::new("default", now(), Body::AccessLicenseStatus(pools));
        store.record(vec![(event, Vec::new())]).await.unwrap();
        let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
        assert_eq!(planning.reclaimable(SeatType::Analyzer), Some(reclaimable), "{rule}");
        let options = renewal::Options {
            on: None,
            months: vec![12],
            risk: vec![5],
            seat_type: Some(SeatType::Analyzer),
        };
        let text = renewal::render(&planning, &options, &Style::plain(false));
        fits(&text);
        assert!(text.contains(said), "{said}: {text}");
        assert!(!said.is_empty() || !text.contains("next run"), "{text}");
        let answer = renewal::figures(&planning, &options);
        let choice = &answer.types[0].renewal.as_ref().unwrap().answer.terms[0].choices[0];
        let with = choice.with_release.as_ref().unwrap();
        assert_eq!(choice.without_release.seats - with.seats, u64::from(reclaimable), "{rule}");
        let cost = planning.cost().unwrap();
        let analyzer = cost.by_type.iter().find(|of| of.seat_type == SeatType::Analyzer).unwrap();
        assert_eq!(analyzer.reclaimable.unwrap().amount, (reclaimable * 400).into(), "{rule}");
        assert_eq!(analyzer.idle.unwrap().amount, 4_800.into(), "{rule}");
        let text = cost::render(&planning, &Style::plain(false));
        fits(&text);
        assert!(
            text.contains(&format!("Analyzer: {reclaimable} of 12 idle for 30 days or longer")),
            "{text}"
        );
        assert!(text.contains(said), "{said}: {text}");
    }
}

/// Without `--on` a term begins when the contract does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_term_begins_when_the_contract_renews() {
    let today = now().date_naive();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    // By what the settings say of contracts, and by when the server's license ends.
    for (more, license, on, why) in [
        ("", None, today, "no cost.renewsOn, no license end"),
        ("", Some("2027-01-10"), day("2027-01-11"), "server license ends 10 January 2027"),
        // It is over: nothing is known of what comes.
        ("", Some("2026-01-10"), today, "no cost.renewsOn, no license end"),
        (
            "    renewsOn: 2025-04-01\n",
            Some("2027-01-10"),
            day("2027-04-01"),
            "the contract renews",
        ),
        // Too far for the longest term: nothing is said of so late a day.
        ("    renewsOn: 2036-01-01\n    term: 10 years\n", None, today, "from 1 January 2036 on"),
    ] {
        let watched = "    serverLicenseMonitor: {enable: true}\n";
        let (_folder, settings, store) = bench(&[], &format!("{watched}{PRICES}{more}")).await;
        three_years(&store, "default", now().date_naive()).await;
        if let Some(end) = license {
            let license = ServerLicense::new(Kind::SignedKey, Expiry::On(day(end)));
            let status = Body::ServerLicenseStatus(assess(license, 30, today));
            let event = Event::new("default", now() - TimeDelta::hours(1), status);
            store.record(vec![(event, Vec::new())]).await.unwrap();
        }
        let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
        let options = renewal::Options {
            on: None,
            months: vec![12, 36],
            risk: vec![20],
            seat_type: Some(SeatType::Analyzer),
        };
        let answer = renewal::figures(&planning, &options);
        let view = answer.types[0].renewal.as_ref().unwrap();
        assert_eq!(view.answer.on, on, "{more} {license:?}");
        let begins = view.begins.text(settings.locale);
        assert!(begins.contains(why), "{begins}");
        let text = renewal::render(&planning, &options, &Style::plain(false));
        fits(&text);
        assert!(text.contains(&begins), "{begins}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_said_of_a_renewal() {
    let (folder, file, store) = command_bench(&["oslo", "rome"], "").await;
    let yesterday = Utc::now().date_naive() - TimeDelta::days(1);
    years::keep_days(&store, "oslo", "analyzer", (yesterday, 400), |_| Some((50.0, 50.0))).await;
    years::keep_days(&store, "oslo", "professional", (yesterday, 20), |_| Some((5.0, 9.0))).await;
    // Full since a month ago.
    let seats = |n: i64| Some(((n as f64 * 0.2).min(50.0), 50.0));
    years::keep_days(&store, "rome", "analyzer", (yesterday, 280), seats).await;
    store.close().await;
    let text = ask(&folder, &["insight", "renewal", "-c", &file]);
    fits(&text);
    for told in [
        "Professional seats\n  To buy          not enough data: 3 of 8 weeks",
        "Analyzer seats\n  To buy          demand can't be seen: the pool was always full",
        "none are free: who waits is in no figure; these are the least",
        "not known yet: the list of seats was not read so far",
        "No price, no amounts.",
        "  Because         no cost.renewsOn, no license end known: the day of the figures\n",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let answer = json(&folder, &["insight", "renewal", "-c", &file]);
    let types = &answer["sites"][0]["types"];
    assert_eq!(types[0]["renewal"]["notEnough"]["unit"], "weeks");
    assert_eq!(types[1]["renewal"]["notEnough"]["unit"], "freeWeeks");
    let rome = &answer["sites"][1]["types"][0]["renewal"];
    assert_eq!((&rome["full"], &rome["reclaimable"]), (&true.into(), &Value::Null));
    let choice = &rome["terms"][0]["choices"][0];
    assert_eq!(
        (&choice["withRelease"], &choice["withoutRelease"]["price"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_and_purchases_of_no_use_are_refused() {
    let (folder, file, store) = command_bench(&[], "").await;
    store.close().await;
    for (command, options, told) in [
        ("renewal", &["--on", "2020-01-01"][..], "bursar: 2020-01-01 is over; name a day from"),
        ("renewal", &["--on", "9999-01-01"], "name an earlier day or fewer months"),
        ("renewal", &["--months", "0"], "--months"),
        ("renewal", &["--months", "121"], "--months"),
        ("renewal", &["--risk", "0"], "--risk"),
        ("renewal", &["--risk", "51"], "--risk"),
        ("forecast", &["--buy", "5", "--on", "2020-01-01"], "bursar: 2020-01-01 is over"),
        ("forecast", &["--buy", "5", "--on", "9999-01-01"], "name an earlier day than 9999-01-01"),
        ("forecast", &["--on", "2099-01-01"], "--buy"),
        ("forecast", &["--buy", "0"], "--buy"),
        ("forecast", &["--release-threshold", "0"], "--release-threshold"),
    ] {
        let all: Vec<&str> =
            ["insight", command, "-c", &file].into_iter().chain(options.iter().copied()).collect();
        let run = output(&all, folder.path());
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{options:?} {said}");
        assert!(said.contains(told), "{options:?} {said}");
    }
}

/// A report has a page of its own for it, with what the command says.
#[tokio::test]
async fn a_report_says_the_same_of_a_renewal() {
    let (_folder, settings, store) = bench(&[], PRICES).await;
    three_years(&store, "default", now().date_naive()).await;
    keep_list(&store, 168, &[(12, 60)], now()).await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let options =
        renewal::Options { on: None, months: vec![12, 24, 36], risk: vec![5, 20], seat_type: None };
    let command = bursar::plain::to_json(&renewal::figures(&planning, &options)).unwrap();
    let command: Value = serde_json::from_str(&command).unwrap();
    let period = Period::parse("2026", now().date_naive()).unwrap();
    let report = report(&store, &settings, &["default".into()], period, now()).await.unwrap();
    let written = |format| report.write(format).unwrap();
    let of_report: Value = serde_json::from_str(&written(Format::Json)).unwrap();
    let types = of_report["sites"][0]["types"].as_array().unwrap();
    assert_eq!(types.len(), 2);
    for (n, of_type) in types.iter().enumerate() {
        assert_eq!(of_type["renewal"], command["types"][n]);
    }
    let analyzer = &command["types"][1]["renewal"]["terms"][1];
    let choice = &analyzer["choices"][0]["withoutRelease"];
    let (seats, price) = (&choice["seats"], choice["price"]["amount"].as_str().unwrap());
    let csv = written(Format::Csv);
    let row = |key: &str, value: &str| {
        let row = format!("renewal,default,analyzer,2028-11-23,24.5.{key},{value}\r\n");
        assert!(csv.contains(&row), "{row}");
    };
    row("seats", &seats.to_string());
    row("price", price);
    let released = analyzer["choices"][0]["withRelease"]["seats"].to_string();
    row("afterRelease.seats", &released);
    for text in [written(Format::Html), written(Format::Md)] {
        for told in [
            "What to renew with",
            "12 reclaimable seats by the list of 2026-11-24 15:00 UTC, released once",
            "Seats: the fewest that last the term",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
    let html = written(Format::Html);
    assert!(html.contains(" class=\"page\">\n<h3>What to renew with</h3>"), "{html}");
    assert!(html.contains("section.page { break-before: page; }"));
    assert!(html.contains("for 100 % of the days"), "the curve is described");
}

/// 8,800 of 10,000 on the last day, two more each day: 1,200 last for 600 days, and 20 more for ten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_and_another_threshold_are_a_what_if() {
    let (folder, file, store) = command_bench(&[], PRICES).await;
    ten_thousand(&store).await;
    store.close().await;
    let forecast = |options: &[&str]| {
        let all = ["insight", "forecast", "-c", &file];
        let answer =
            json(&folder, &all.into_iter().chain(options.iter().copied()).collect::<Vec<_>>());
        answer["sites"][0]["types"][0]["forecast"].clone()
    };
    let middle = |forecast: &Value, key: &str| {
        assert_eq!(forecast[key]["kind"], "between", "{forecast}");
        (day(&forecast[key]["median"]) - day(&forecast["asOf"])).num_days()
    };
    let plain = forecast(&[]);
    assert_eq!(plain.get("whatIf"), None, "nothing is assumed");
    assert_eq!(plain["reclaimable"], 500);
    let (without, with) = (middle(&plain, "runsOut"), middle(&plain, "runsOutAfterRelease"));
    assert!((599..=601).contains(&without) && (849..=851).contains(&with), "{without} {with}");

    let today = day(&plain["today"]);
    let later = (today + TimeDelta::days(90)).to_string();
    let bought = forecast(&["--buy", "20", "--on", &later]);
    assert_eq!(middle(&bought, "runsOut"), without + 10);
    assert_eq!(middle(&bought, "runsOutAfterRelease"), with + 10);
    assert_eq!((&bought["free"], &bought["entitled"]), (&plain["free"], &plain["entitled"]));
    let what_if = &bought["whatIf"];
    assert_eq!(what_if["bought"], serde_json::json!({"seats": 20, "on": later}));
    assert_eq!(what_if["shortBefore"]["percent"], 0.0);
    assert_eq!(
        (&what_if["asItIs"], &what_if["releaseThresholdDays"]),
        (&plain["runsOut"], &Value::Null)
    );
    // Bought today it is the same; bought after they have run out it is too late.
    let now = forecast(&["--buy", "20"]);
    assert_eq!(now["runsOut"], bought["runsOut"]);
    assert_eq!(now["whatIf"]["shortBefore"], Value::Null);
    let late = (today + TimeDelta::days(605)).to_string();
    let late = forecast(&["--buy", "400", "--on", &late, "--type", "analyzer"]);
    assert_eq!(late["whatIf"]["shortBefore"]["percent"], 100.0);
    assert_eq!(late["whatIf"]["shortBefore"]["percentAfterRelease"], 0.0);
    assert_eq!(middle(&late, "runsOut"), without + 200);

    // By the rules, those idle for 50 days or more.
    let stricter = forecast(&["--release-threshold", "50"]);
    assert_eq!((&stricter["reclaimable"], &stricter["runsOut"]), (&300.into(), &plain["runsOut"]));
    assert_eq!(middle(&stricter, "runsOutAfterRelease"), with - 100);
    assert_eq!(stricter["whatIf"]["releaseThresholdDays"], 50);

    let text = ask(
        &folder,
        &[
            "insight",
            "forecast",
            "-c",
            &file,
            "--buy",
            "20",
            "--on",
            &later,
            "--release-threshold",
            "50",
        ],
    );
    let on = bursar::insight::words::date(today + TimeDelta::days(90));
    for told in [
        format!("  What if         if 20 more Analyzer seats were bought on {on}\n"),
        format!("  As it is        run out {}\n", plain["inWords"].as_str().unwrap()),
        "  Before that     they run out in 0 of 100 cases\n".to_owned(),
        "  What if         if seats idle for 50 days were released\n".to_owned(),
        "(of 300 reclaimable seats, once)".to_owned(),
    ] {
        assert!(text.contains(&told), "{told}: {text}");
    }
    let text = ask(&folder, &["insight", "forecast", "-c", &file]);
    assert!(
        !text.contains("What if") && text.contains("(of 500 reclaimable seats, once)"),
        "{text}"
    );
}
