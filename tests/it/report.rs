//! Reports on history whose truth is known.

use bursar::clock::Clock;
use bursar::config::Settings;
use bursar::config::settings::Format;
use bursar::daemon::Daemon;
use bursar::ledger::SeatResult;
use bursar::license::{Holder, SeatType};
use bursar::report::gather::report;
use bursar::report::{Period, Report};
use bursar::simulator::Scenario;
use bursar::store::Store;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tempfile::TempDir;

use crate::insight_cli::{bench, now, three_years};
use crate::support::process::{LIMIT, output};
use crate::support::setup::Setup;
use crate::support::years;

const PRICES: &str = "  cost:\n    currency: EUR\n    budgetPerYear: 120000\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 400}\n    analyzerCapacity: {perThousandMinutes: 20}\n";

/// A name that a page or a spreadsheet would take for something else.
fn mallory() -> Holder {
    years::person(9, "<img src=x onerror=alert(1)>|=1+1")
}

async fn filled(sites: &[&str]) -> (TempDir, Settings, Store) {
    let (folder, settings, store) = bench(sites, PRICES).await;
    let first = settings.sites[0].name.clone();
    three_years(&store, &first, now().date_naive()).await;
    years::attempt(&store, &first, SeatType::Analyzer, years::person(1, "anna"), SeatResult::Freed)
        .await;
    years::attempt(&store, &first, SeatType::Analyzer, mallory(), SeatResult::Freed).await;
    (folder, settings, store)
}

async fn of(store: &Store, settings: &Settings, period: &str) -> Report {
    let period = Period::parse(period, now().date_naive()).unwrap();
    let sites: Vec<_> = settings.sites.iter().map(|site| site.name.clone()).collect();
    report(store, settings, &sites, period, now()).await.unwrap()
}

/// The rows of a CSV text.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    assert!(text.ends_with("\r\n"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// Every element that is opened is closed, in order; every text is escaped.
fn well_formed(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').expect("a tag ends") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap();
        let name = name.trim_end_matches('/');
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{tag}");
        } else if !tag.ends_with('/') && name != "meta" {
            open.push(name);
            if name == "style" {
                rest = &rest[rest.find("</style>").expect("styles end")..];
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn the_html_needs_nothing_else_and_escapes_names() {
    let (_folder, mut settings, store) = filled(&[]).await;
    settings.report_names = true;
    let html = of(&store, &settings, "2026").await.write(Format::Html).unwrap();
    well_formed(&html);
    for foreign in ["http:", "https:", "src=\"", "<script", "@import", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert_eq!(
        html.matches("href=").count(),
        html.matches("href=\"#").count(),
        "links within only"
    );
    assert!(!html.contains("<img"), "a name became a tag");
    assert!(
        html.contains("CORP\\&#60;img src=x") || html.contains("CORP\\&lt;img src=x"),
        "{html}"
    );
    assert_eq!(html.matches("<svg").count(), html.matches(r#"role="img""#).count());
    assert!(html.matches("<svg").count() >= 6, "use, forecast, minutes and cost are drawn");
    assert!(html.contains("@page") && html.contains("break-inside: avoid"));
    for text in [
        "Qlik Sense licenses, 2026",
        "1 January 2026 to 31 December 2026",
        "the period is not over",
        "On 1 April 2026 the entitled Analyzer seats changed from 150 to 220.",
        // As `insight forecast` says of the same figures.
        "between 15 February and 2 August 2028",
        "idle for 43 days (threshold 30)",
        "Not recorded",
        "exceeds 120,000.00 EUR by 15,400.00 EUR",
    ] {
        assert!(html.contains(text), "{text}");
    }
    let head = store.head().await.unwrap().unwrap();
    let verify = format!("bursar audit verify -c bursar.yaml --head {}:{}", head.seq, head.hash);
    assert!(html.contains(&verify), "{verify}");
}

#[tokio::test]
async fn the_csv_reads_back_and_holds_no_formula() {
    let (_folder, mut settings, store) = filled(&[]).await;
    settings.report_names = true;
    let report = of(&store, &settings, "2026").await;
    let rows = parse_csv(&report.write(Format::Csv).unwrap());
    assert_eq!(rows[0].join(","), "section,site,subject,date,key,value");
    assert!(rows.iter().all(|row| row.len() == 6));
    let find = |section: &str, subject: &str, key: &str| {
        let row = rows.iter().find(|r| r[0] == section && r[2] == subject && r[4] == key);
        row.map(|row| row[5].clone()).unwrap_or_else(|| panic!("{section} {subject} {key}"))
    };
    assert_eq!(find("entitlement", "analyzer", "atEnd.entitled"), "220");
    assert_eq!(find("entitlement", "analyzer", "change.to"), "220");
    assert_eq!(find("use", "analyzer", "peak"), "168");
    assert_eq!(find("cost", "EUR", "entitled"), "135400.00");
    assert_eq!(find("ledger", "", "headSeq"), "4");
    assert_eq!(find("releases", "CORP\\anna", "result"), "freed");
    assert_eq!(find("releases", "CORP\\anna", "hash"), report.sites[0].releases[0].hash);
    for cell in rows.iter().flatten() {
        let formula = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
        assert!(!formula, "{cell}");
    }
}

#[tokio::test]
async fn markdown_keeps_names_as_text() {
    let (_folder, mut settings, store) = filled(&[]).await;
    settings.report_names = true;
    let text = of(&store, &settings, "2026-11").await.write(Format::Md).unwrap();
    assert!(!text.contains("<img") && text.contains("&lt;img src=x"), "{text}");
    assert!(text.contains("alert(1)&gt;\\|=1+1"), "the bar ends no cell: {text}");
    let tables: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let releases = tables.iter().position(|line| line.contains("| Reason |")).unwrap();
    assert!(tables[releases..releases + 4].iter().all(|line| bars(line) == 8), "{tables:#?}");
    let entitlement = text.split("### Entitlement").nth(1).unwrap();
    insta::assert_snapshot!(entitlement.split("###").next().unwrap().trim(), @r"
    *Seats before the period and at its end*

    | License | When | Entitled | Taken | Quarantined | Excess | Free |
    | --- | --- | ---: | ---: | ---: | ---: | ---: |
    | Professional seats | before: 2026-10-31 | 50 | 40 | 0 | 0 | 10 |
    | Professional seats | at the end: 2026-11-24 | 50 | 40 | 0 | 0 | 10 |
    | Professional seats | change | 0 | 0 | 0 | 0 | 0 |
    | Analyzer seats | before: 2026-10-31 | 220 | 164 | 0 | 0 | 56 |
    | Analyzer seats | at the end: 2026-11-24 | 220 | 168 | 0 | 0 | 52 |
    | Analyzer seats | change | 0 | +4 | 0 | 0 | -4 |
    ");
}

#[tokio::test]
async fn the_json_has_the_documented_keys_and_the_true_figures() {
    let (_folder, settings, store) = filled(&[]).await;
    let text = of(&store, &settings, "2026-Q3").await.write(Format::Json).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let keys =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let site = &report["sites"][0];
    insta::assert_snapshot!(
        [keys(&report), keys(site), keys(&site["types"][1]), keys(&report["period"])].join("\n"),
        @"
    version generated asOf timeZone names period contracts unfinished sites alerts alertsRecordedFrom ledger
    site types leftOut serverLicense qlikSenseVersion simulation capacity cost order licenseEnd costByDirectory costByProperty costInPeriod savedInPeriod savedInPeriodByEarlier changes holders runs releases returned alerts gaps
    seatType before atEnd peak mean meanPercent days of fullDays periods entitledChanges yearOnYear yearBefore recordedInYear recordedInPeriod growth forecast renewal seats daily
    name first last
    "
    );
    assert_eq!(report["unfinished"], false);
    // 92 days of (50 x 900 + 220 x 400) a year.
    assert_eq!(site["costInPeriod"]["seats"]["amount"], "33523.29");
    // Three months of 10,000 minutes at 20 a thousand.
    assert_eq!(site["costInPeriod"]["capacity"]["amount"], "600.00");
    assert_eq!(site["costInPeriod"]["all"]["amount"], "34123.29");
    let analyzer = &site["types"][1];
    assert_eq!((&analyzer["days"], &analyzer["of"]), (&92.into(), &92.into()));
    let months: Vec<_> = analyzer["periods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(months, ["2026-07", "2026-08", "2026-09"]);
    assert_eq!(site["releases"], Value::Array(Vec::new()), "they were in November");
    assert_eq!(site["alerts"], Value::Null);
    assert_eq!(site["changes"], Value::Null, "the lists of seats were never read");
    assert_eq!(analyzer["forecast"]["reclaimable"], Value::Null);
}

#[tokio::test]
async fn gaps_are_named_and_sites_stay_apart() {
    let (_folder, settings, store) = filled(&["oslo", "bergen"]).await;
    // Nothing for ten days of bergen's October; otherwise a poll every six hours.
    let start: DateTime<Utc> = "2026-10-01T00:00:00Z".parse().unwrap();
    let hours = (0..31 * 24).step_by(6).filter(|hour| !(240..480).contains(hour));
    let samples = hours.flat_map(|hour| {
        years::seats("analyzer", start + chrono::TimeDelta::hours(hour), 30.0, 98.0)
    });
    store.keep_samples("bergen", samples.collect()).await.unwrap();
    let report = of(&store, &settings, "2026-10").await;
    let bergen = &report.sites[1];
    let gaps = bergen.gaps.as_ref().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].from.to_rfc3339(), "2026-10-10T18:00:00+00:00");
    assert_eq!(gaps[0].to.to_rfc3339(), "2026-10-21T00:00:00+00:00");
    assert_eq!((bergen.types.len(), bergen.types[0].days, bergen.types[0].of), (1, 21, 31));
    assert_eq!(report.sites[0].types.len(), 2);
    let html = report.write(Format::Html).unwrap();
    well_formed(&html);
    assert!(html.contains("Site oslo") && html.contains("2026-10-21 00:00"));
    assert!(
        html.contains("not enough data: 4 of 8 weeks")
            || html.contains("not enough data: 3 of 8 weeks"),
        "bergen has a month"
    );
}

#[tokio::test]
async fn an_empty_store_makes_a_report_that_says_so() {
    let (_folder, settings, store) = bench(&[], "").await;
    let report = of(&store, &settings, "2026").await;
    for format in Format::ALL {
        let text = report.write(format).unwrap();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{format:?}: {text}");
    }
    let html = report.write(Format::Html).unwrap();
    well_formed(&html);
    assert!(
        html.contains("No history of seats") && html.contains("The ledger of releases is empty.")
    );
    // One day of data.
    years::keep_days(&store, "default", "analyzer", (now().date_naive(), 1), |_| Some((3.0, 5.0)))
        .await;
    let html = of(&store, &settings, "2026-11").await.write(Format::Html).unwrap();
    well_formed(&html);
    assert!(html.contains("not enough data: 1 of 8 weeks"), "{html}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_writes_a_file_by_its_name() {
    let (folder, settings, store) = filled(&[]).await;
    store.close().await;
    let file = settings.file.to_str().unwrap();
    let args = ["report", "-c", file, "--period", "2025", "-o", "2025.md"];
    let run = output(&args, folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(folder.path().join("2025.md")).unwrap();
    assert!(text.starts_with("# Qlik Sense licenses, 2025\n"), "{text}");
    let run = output(&["report", "-c", file, "--period", "2025-13"], folder.path());
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("2025-13 is no period"));
    let run =
        output(&["report", "-c", file, "--period", "2025", "-o", "no/such.html"], folder.path());
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("cannot write no/such.html"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_writes_reports_on_their_schedule() {
    let setup = Setup::new(Scenario::default()).await;
    let reports =
        "  report: {enable: true, frequency: '*/10 * * * *', formats: [html, csv], keep: 5}\n";
    let settings = setup.load(&setup.yaml("every 1 hour", reports));
    assert_eq!(settings.reports.as_ref().unwrap().formats, [Format::Html, Format::Csv]);
    // Ten minutes pass in a second.
    let daemon = Daemon::start(settings, Clock::fast(Utc::now(), 600.0)).await.unwrap();
    let folder = setup.folder.path().join("reports");
    let both = async {
        let count = |end: &str| {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            entries.filter(|e| e.path().extension().is_some_and(|found| found == end)).count()
        };
        while count("html") == 0 || count("csv") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, both).await.expect("reports are written");
    daemon.stop().await;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with("bursar-report-20"), "nothing else is left: {name}");
    }
}

#[test]
fn reports_without_a_format_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    let more = "  report: {enable: true, formats: [], folder: ''}\n";
    std::fs::write(&file, years::settings_yaml(folder.path(), &[], more)).unwrap();
    let problems = bursar::config::load(&file).unwrap_err().to_string();
    for text in [
        "Butler.report.formats: reports are on and have no format",
        "Butler.report.folder: reports need a folder",
    ] {
        assert!(problems.contains(text), "{problems}");
    }
}
