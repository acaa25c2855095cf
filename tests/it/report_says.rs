//! What reports say beside figures, in each of their forms, and how they are laid out.

use std::collections::BTreeSet;

use bursar::config::Settings;
use bursar::config::settings::Format;
use bursar::event::{Body, Event};
use bursar::license::changes::{After, By, Change, ChangeKind, TimeFrom};
use bursar::license::server::{Expiry, Kind};
use bursar::license::{Moment, Seat, SeatType, ServerLicense, assess};
use bursar::report::gather::report;
use bursar::report::{Period, Report};
use bursar::store::{SeatReading, Store};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::insight_cli::{bench, now, three_years};
use crate::support::process::output;
use crate::support::years;

const WATCHED: &str = "    serverLicenseMonitor: {enable: true}\n    seatMonitor: {enable: true}\n";
const PRICES: &str = "  cost:\n    currency: EUR\n    renewsOn: 2027-03-31\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 400, renewsOn: 2024-06-30}\n    analyzerCapacity: {perThousandMinutes: 20}\n";

async fn of(store: &Store, settings: &Settings, period: &str) -> Report {
    let period = Period::parse(period, now().date_naive()).unwrap();
    let sites: Vec<_> = settings.sites.iter().map(|site| site.name.clone()).collect();
    report(store, settings, &sites, period, now()).await.unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A license that ends in March, read an hour ago.
async fn keep_license(store: &Store) {
    let license = ServerLicense {
        number_ends: Some("0004".to_owned()),
        maintenance_end: Some(day("2027-01-15")),
        ..ServerLicense::new(Kind::SignedKey, Expiry::On(day("2027-03-16")))
    };
    let status = assess(license, 30, now().date_naive());
    let event =
        Event::new("default", now() - TimeDelta::hours(1), Body::ServerLicenseStatus(status));
    store.record(vec![(event, Vec::new())]).await.unwrap();
}

#[tokio::test]
async fn the_license_its_contracts_and_the_cost_of_the_period_are_in_every_form() {
    let (_folder, settings, store) = bench(&[], &format!("{WATCHED}{PRICES}")).await;
    three_years(&store, "default", now().date_naive()).await;
    keep_license(&store).await;
    let report = of(&store, &settings, "2026-11").await;
    for format in [Format::Html, Format::Md] {
        let text = report.write(format).unwrap();
        for said in [
            "16 March 2027 (in 112 days)",
            "…0004",
            "15 January 2027",
            "renews on 31 March 2027 (in 127 days), for 1 year; this term since 31 March 2026",
            // The day that is over stands for the next one.
            "renews on 30 June 2027 (in 218 days), for 1 year; this term since 30 June 2026",
            // 24 days of (50 x 900 + 220 x 400) a year, and 24 of 30 of a month of 10,000 minutes.
            "2,958.90 EUR",
            "5,786.30 EUR",
            "160.00 EUR",
            "8,905.21 EUR",
        ] {
            assert!(text.contains(said), "{format:?}: {said}\n{text}");
        }
    }
    let value: Value = serde_json::from_str(&report.write(Format::Json).unwrap()).unwrap();
    let site = &value["sites"][0];
    let license = &site["serverLicense"];
    assert_eq!((&license["state"], &license["number"]), (&"valid".into(), &"…0004".into()));
    assert_eq!(license["expiryDate"], "2027-03-16");
    assert_eq!(value["contracts"][1]["of"], "analyzer");
    assert_eq!(value["contracts"][1]["renewsOn"], "2027-06-30");
    assert_eq!(site["costInPeriod"]["byType"][1]["seatDays"], 220 * 24);
    let csv = report.write(Format::Csv).unwrap();
    for line in [
        "license,default,,2026-11-24T14:00:00+00:00,daysUntilExpiry,112",
        "contract,,all,,renewsOn,2027-03-31",
        "contract,,analyzer,,daysLeft,218",
        "cost,default,EUR,,inPeriod,8905.21",
        "cost,default,EUR,,inPeriod.capacity,160.00",
        "cost,default,EUR,,analyzer.inPeriod,5786.30",
    ] {
        assert!(csv.contains(&format!("{line}\r\n")), "{line}\n{csv}");
    }
    // Of a period that is long over the license of now says nothing.
    let before = of(&store, &settings, "2025").await;
    assert_eq!(before.sites[0].server_license, None);
    let text = before.write(Format::Md).unwrap();
    assert!(text.contains("31 March 2026 (in 90 days from the end of the period)"), "{text}");
}

fn seat(n: u128, user: &str, created: DateTime<Utc>) -> Seat {
    Seat {
        id: Uuid::from_u128(n),
        seat_type: SeatType::Analyzer,
        holder: Some(years::person(n, user).into()),
        deleted_user: None,
        created: Moment::At(created),
        last_used: Moment::Never,
        excess: false,
        quarantined: None,
    }
}

fn change(n: u128, user: &str, kind: ChangeKind, after: After, time: DateTime<Utc>) -> Change {
    Change {
        kind,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(n),
        holder: Some(years::person(n, user)),
        deleted_user: None,
        after,
        from: None,
        time,
        time_from: TimeFrom::Noticed,
        by: By::Unknown,
        released_before: None,
        initial: false,
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
        keep_changes_days: 3_650,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_held_a_seat_at_the_end_is_counted_and_named_only_where_that_is_asked_for() {
    let watched = "    seatMonitor: {enable: true, keepChangesDays: 3650}\n";
    let (folder, settings, store) = bench(&[], watched).await;
    let at = |text: &str| -> DateTime<Utc> { format!("{text}T12:00:00Z").parse().unwrap() };
    let created = at("2024-05-02");
    let anna = || seat(1, "anna", created);
    // At the end of 2025: anna and bob hold a seat, and that of cleo is in quarantine.
    let cleo = Seat { quarantined: Some(Moment::Never), ..seat(3, "cleo", created) };
    keep(&store, at("2025-12-01"), vec![anna(), seat(2, "bob", created), cleo], vec![]).await;
    let later = at("2026-02-01");
    let quarantined = Seat { quarantined: Some(Moment::Never), ..anna() };
    let changes = vec![
        change(2, "bob", ChangeKind::Released, After::Gone, at("2026-01-10")),
        change(3, "cleo", ChangeKind::QuarantineEnded, After::Gone, at("2026-01-11")),
        change(4, "=dora", ChangeKind::Allocated, After::Held, at("2026-01-12")),
        change(1, "anna", ChangeKind::Quarantined, After::Quarantined, at("2026-01-13")),
    ];
    keep(&store, later, vec![quarantined, seat(4, "=dora", at("2026-01-12"))], changes).await;
    store.close().await;
    let file = settings.file.to_str().unwrap();
    let report = |period: &str, format: &str, names: bool| {
        let mut args = vec!["report", "-c", file, "--period", period, "--format", format];
        args.extend(names.then_some("--names"));
        let run = output(&args, folder.path());
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    let value: Value = serde_json::from_str(&report("2025", "json", false)).unwrap();
    let holders = &value["sites"][0]["holders"][0];
    let expected = serde_json::json!({
        "seatType": "analyzer", "asOf": "2026-01-01T00:00:00Z", "held": 2, "quarantined": 1
    });
    assert_eq!(holders, &expected);
    for format in ["html", "md", "csv", "json"] {
        let (hidden, named) = (report("2025", format, false), report("2025", format, true));
        assert!(!hidden.contains("anna"), "{format}: {hidden}");
        for name in ["anna", "bob", "cleo"] {
            assert!(named.contains(name), "{format}: {name}: {named}");
        }
        // Neither among changes, which are of the next month.
        let hidden = report("2026-01", format, false);
        for name in ["anna", "bob", "cleo", "dora", "CORP"] {
            assert!(!hidden.contains(name), "{format}: {name}: {hidden}");
        }
        assert!(hidden.contains("person …000000000002"), "told apart: {hidden}");
        let later = report("2026-01", format, true);
        assert!(later.contains("bob") && later.contains("dora"), "{format}: {later}");
        assert!(!named.contains("dora"), "{format}: she came later: {named}");
    }
    let csv = report("2025", "csv", true);
    for line in [
        "holders,default,analyzer,2026-01-01T00:00:00+00:00,held,2",
        r"holders,default,CORP\anna,2024-05-02T12:00:00+00:00,analyzer.held,",
        r"holders,default,CORP\cleo,,analyzer.quarantined,",
    ] {
        assert!(csv.contains(&format!("{line}\r\n")), "{line}\n{csv}");
    }
    // Before the lists were read nobody knows.
    let md = report("2025-10", "md", true);
    assert!(md.contains("Not known: the lists of seats and their changes were not"), "{md}");
    let value: Value = serde_json::from_str(&report("2025-10", "json", true)).unwrap();
    assert_eq!(value["sites"][0]["holders"], serde_json::json!([]));
    // The settings may ask for names, too.
    let text = std::fs::read_to_string(&settings.file).unwrap();
    std::fs::write(&settings.file, format!("{text}  report: {{names: true}}\n")).unwrap();
    assert!(report("2025", "md", false).contains("CORP\\\\bob"));
}

#[tokio::test]
async fn a_locale_writes_numbers_and_days_and_leaves_what_programs_read() {
    let (folder, mut settings, store) = bench(&[], &format!("{WATCHED}{PRICES}")).await;
    three_years(&store, "default", now().date_naive()).await;
    keep_license(&store).await;
    let english = of(&store, &settings, "2026-10").await;
    let text = std::fs::read_to_string(&settings.file).unwrap();
    let file = folder.path().join("german.yaml");
    std::fs::write(&file, format!("{text}  locale: de-DE\n")).unwrap();
    settings.locale = bursar::config::load(&file).unwrap().settings.locale;
    let german = of(&store, &settings, "2026-10").await;
    for format in [Format::Csv, Format::Json] {
        assert_eq!(german.write(format).unwrap(), english.write(format).unwrap(), "{format:?}");
    }
    for format in [Format::Html, Format::Md] {
        let (english, german) = (english.write(format).unwrap(), german.write(format).unwrap());
        for (here, there) in [
            ("1 October 2026 to 31 October 2026", "01.10.2026 to 31.10.2026"),
            ("16 March 2027 (in 112 days)", "16.03.2027 (in 112 days)"),
            ("2026-11-24 15:00", "24.11.2026 15:00"),
            ("135,400.00 EUR", "135.400,00 EUR"),
            ("40.0 (80.0 %)", "40,0 (80,0 %)"),
        ] {
            assert!(english.contains(here), "{format:?}: {here}: {english}");
            assert!(german.contains(there), "{format:?}: {there}: {german}");
        }
        for month in ["October 2026", "March 2027"] {
            assert!(!german.contains(month), "{format:?}: {month}");
        }
        assert!(german.contains(",00 EUR") && !german.contains(".00 EUR"), "{german}");
    }
}

#[test]
fn an_unknown_locale_and_a_day_that_is_none_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    let more = "  locale: tlh\n  cost: {renewsOn: next spring, analyzer: {renewsOn: 2027-02-30}}\n";
    std::fs::write(&file, years::settings_yaml(folder.path(), &[], more)).unwrap();
    let problems = bursar::config::load(&file).unwrap_err().to_string();
    for text in [
        "Butler.locale: \"tlh\" is not a locale that Bursar knows; write one of en, en-GB,",
        "Butler.cost.renewsOn: \"next spring\" is no day on which a contract is renewed; write year, month and day, such as 2027-03-31",
        "Butler.cost.analyzer.renewsOn: \"2027-02-30\" is no day",
    ] {
        assert!(problems.contains(text), "{text}\n{problems}");
    }
}

/// Texts between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

#[tokio::test]
async fn every_picture_and_table_is_named_and_the_contents_lead_to_each_part() {
    let (_folder, settings, store) = bench(&["oslo", "bergen"], PRICES).await;
    for site in ["oslo", "bergen"] {
        three_years(&store, site, now().date_naive()).await;
    }
    let report = of(&store, &settings, "2026").await;
    let html = report.write(Format::Html).unwrap();
    assert!(html.matches("<table").count() > 10);
    assert_eq!(html.matches("<table").count(), html.matches("<caption>").count());
    assert_eq!(html.matches("<svg").count(), html.matches("<figure><figcaption>").count());
    assert!(!html.contains("<caption></caption>") && !html.contains("<figcaption></figcaption>"));
    let ids: Vec<_> = between(&html, " id=\"", "\"");
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    let links = between(&html, "href=\"#", "\"");
    assert!(links.len() > 20, "{links:?}");
    for link in &links {
        assert!(unique.contains(link), "{link} leads nowhere");
    }
    // Each part is in the contents.
    let parts = html.matches("<section id=").count() + html.matches("class=\"site\"").count() + 2;
    assert_eq!(links.len(), parts);

    let md = report.write(Format::Md).unwrap();
    let anchors: Vec<_> = between(&md, "](#", ")");
    assert_eq!(anchors.len(), links.len());
    assert_eq!(anchors.iter().collect::<BTreeSet<_>>().len(), anchors.len(), "{anchors:?}");
    assert!(anchors.contains(&"entitlement") && anchors.contains(&"entitlement-1"), "{anchors:?}");
}

#[tokio::test]
async fn a_page_is_dark_on_screens_only_and_prints_whole_tables() {
    let (_folder, settings, store) = bench(&[], "").await;
    let html = of(&store, &settings, "2026").await.write(Format::Html).unwrap();
    let style = between(&html, "<style>", "</style>")[0];
    assert_eq!(style.matches("prefers-color-scheme: dark").count(), 1);
    assert!(style.contains("@media screen and (prefers-color-scheme: dark)"), "{style}");
    let print = style.split("@media print").nth(1).unwrap();
    for rule in [
        "figure, .tile, .tiles, tr, dd, .short, pre, nav, .note { break-inside: avoid; }",
        "h2, h3, h4, caption, figcaption { break-after: avoid; }",
        "thead { display: table-header-group; }",
    ] {
        assert!(print.contains(rule), "{rule}: {print}");
    }
    // Whatever a part of the page has as its colour is one of both palettes.
    let (light, rest) = style.split_once("@media screen").unwrap();
    let dark = rest.split("@media").next().unwrap().split("* {").next().unwrap();
    for name in between(light, "--", ":") {
        assert!(dark.contains(&format!("--{name}:")), "{name} has no dark colour");
    }
}

#[tokio::test]
async fn ten_years_are_a_line_a_year() {
    let (_folder, settings, store) = bench(&[], PRICES).await;
    let last = now().date_naive();
    let days = 3_600;
    years::keep_days(&store, "default", "analyzer", (last, days), |n| {
        Some(((50.0 + n as f64 * 0.02).round(), 150.0))
    })
    .await;
    let date = |n: i64| last - TimeDelta::days(days - 1 - n);
    let minutes = (0..days).flat_map(|n| {
        let used = f64::from(chrono::Datelike::day(&date(n))) * 100.0;
        years::minutes(years::noon(date(n)), used, 4_000.0)
    });
    store.keep_samples("default", minutes.collect()).await.unwrap();
    let report = of(&store, &settings, "2017..2026").await;
    let names: Vec<_> = report.sites[0].types[0].periods.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names.join(" "), "2017 2018 2019 2020 2021 2022 2023 2024 2025 2026");
    let html = report.write(Format::Html).unwrap();
    assert!(html.contains("<h1>Qlik Sense licenses, 2017 to 2026</h1>"));
    let tables = between(&html, "<table", "</table>");
    let of = |caption: &str| {
        let table = tables.iter().find(|table| table.contains(caption));
        table.unwrap_or_else(|| panic!("no table of {caption}")).matches("<tr>").count()
    };
    assert_eq!(of("Analyzer seats: use by year"), 11);
    assert_eq!(of("Minutes of Analyzer Capacity by year"), 11);
    // Of 2025: twelve months that end with their days times 100, of 4,000 each.
    assert!(
        html.contains(
            r#"<td>2025</td><td class="number">36,500</td><td class="number">48,000</td>"#
        )
    );
    // Paths of weeks: some 520 points, not 3,600.
    let line = between(&html, "<path class=\"taken\" d=\"", "\"")[0];
    let points = line.matches(['M', 'L']).count();
    assert!((400..=800).contains(&points), "{points}");
    let quarters = self::of(&store, &settings, "2023..2025").await;
    assert_eq!(quarters.sites[0].types[0].periods.len(), 12);
    assert_eq!(quarters.sites[0].types[0].periods[0].name, "2023-Q1");
    // Noon of each day is a poll, every six hours were asked for: that is one line, no gap.
    assert!(html.contains("a poll came about every 24 hours"), "{html}");
}

#[tokio::test]
async fn hundreds_of_gaps_are_counted_and_named_for_programs() {
    let (_folder, settings, store) = bench(&[], "").await;
    // Every second week has polls.
    let start: DateTime<Utc> = "2020-01-01T00:00:00Z".parse().unwrap();
    let hours = (0..6 * 365 * 24).step_by(6).filter(|hour| hour / (24 * 7) % 2 == 0);
    let samples =
        hours.flat_map(|hour| years::seats("analyzer", start + TimeDelta::hours(hour), 30.0, 98.0));
    store.keep_samples("default", samples.collect()).await.unwrap();
    let report = of(&store, &settings, "2020..2024").await;
    let gaps = report.sites[0].gaps.as_ref().unwrap().len();
    assert!(gaps > 100, "{gaps}");
    let md = report.write(Format::Md).unwrap();
    assert!(md.contains(&format!("There are {gaps}: here they are counted")), "{md}");
    assert!(md.contains("| 2020 | 26 | "), "{md}");
    let csv = report.write(Format::Csv).unwrap();
    assert_eq!(csv.matches(",until,").count(), gaps);
}
