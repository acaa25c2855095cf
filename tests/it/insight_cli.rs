//! `bursar insight` on history whose truth is known.

use bursar::cli::insight::chart::Style;
use bursar::cli::insight::{capacity, cost, forecast, growth, utilization};
use bursar::config::Settings;
use bursar::license::SeatType;
use bursar::planning::Planning;
use bursar::store::Store;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::process::output;
use crate::support::years;

const PRICES: &str = "  cost:\n    currency: EUR\n    budgetPerYear: 120000\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 400}\n    analyzerCapacity: {perThousandMinutes: 20}\n";

pub fn now() -> DateTime<Utc> {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

/// Three years: Analyzer grows by 3 a month from 60, with a purchase (150 to 220) in April 2026 and a
/// dip in July; Professional stays at 40 of 50; minutes run out early each month.
pub async fn three_years(store: &Store, site: &str, until: NaiveDate) {
    let days = 3 * 365;
    let date = |n: i64| until - TimeDelta::days(days - 1 - n);
    let analyzer = |n: i64| {
        let total = if date(n) < until - TimeDelta::days(237) { 150.0 } else { 220.0 };
        let dip = if date(n).month() == 7 { 6.0 } else { 0.0 };
        let weekend = if date(n).weekday().number_from_monday() > 5 { 1.0 } else { 0.0 };
        let taken: f64 = 60.0 + n as f64 * 3.0 / bursar::insight::DAYS_PER_MONTH - dip - weekend;
        Some((taken.round(), total))
    };
    years::keep_days(store, site, "analyzer", (until, days), analyzer).await;
    years::keep_days(store, site, "professional", (until, days), |_| Some((40.0, 50.0))).await;
    let minutes = (0..days).flat_map(|n| {
        let used = f64::from(date(n).day()) * 400.0;
        years::minutes(years::noon(date(n)), used.min(10_000.0), 10_000.0)
    });
    store.keep_samples(site, minutes.collect()).await.unwrap();
    years::roll_up(store, chrono_tz::UTC).await;
}

pub async fn bench(sites: &[&str], more: &str) -> (TempDir, Settings, Store) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    std::fs::write(&file, years::settings_yaml(folder.path(), sites, more)).unwrap();
    let settings = match bursar::config::load(&file) {
        Ok(loaded) => loaded.settings,
        Err(problems) => panic!("{problems}"),
    };
    let store = years::open(&settings.storage.path, now()).await;
    (folder, settings, store)
}

/// Every line fits a terminal.
pub fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} characters: {line}", line.chars().count());
    }
}

fn forecast_options() -> forecast::Options {
    forecast::Options { seat_type: None, months: 12 }
}

#[tokio::test]
async fn tables_and_charts_for_people() {
    let (_folder, settings, store) = bench(&[], PRICES).await;
    three_years(&store, "default", now().date_naive()).await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let (plain, ascii) = (Style::plain(false), Style::plain(true));

    let text = utilization::render(&planning, utilization::Options::default(), &plain);
    fits(&text);
    insta::assert_snapshot!(text, @"
    Site default
    Professional seats  █████████████░░░ 80 %  40 of 50 taken  3 h ago
      ▅▅▅▅▅▅▅▅▅▅▅▅▅
      PERIOD   PEAK  MEAN  LAST  CHANGE  OF  MEAN %  PEAK %  DAYS      A YEAR AGO
      2025-11  40    40.0  40    0       50  80 %    80 %    30        0 %
      2025-12  40    40.0  40    0       50  80 %    80 %    31        0 %
      2026-01  40    40.0  40    0       50  80 %    80 %    31        0 %
      2026-02  40    40.0  40    0       50  80 %    80 %    28        0 %
      2026-03  40    40.0  40    0       50  80 %    80 %    31        0 %
      2026-04  40    40.0  40    0       50  80 %    80 %    30        0 %
      2026-05  40    40.0  40    0       50  80 %    80 %    31        0 %
      2026-06  40    40.0  40    0       50  80 %    80 %    30        0 %
      2026-07  40    40.0  40    0       50  80 %    80 %    31        0 %
      2026-08  40    40.0  40    0       50  80 %    80 %    31        0 %
      2026-09  40    40.0  40    0       50  80 %    80 %    30        0 %
      2026-10  40    40.0  40    0       50  80 %    80 %    31        0 %
      2026-11  40    40.0  40    0       50  80 %    80 %    24 of 30  0 %
      Year on year: 2026-11 has 40.0 on average
                    2025-11 had 40.0 up to the same day: 0 (0 %)
      By month, against its surroundings: ▅▅▅▅▅▅▅▅▅▅▅▅
        Jan 0  Feb 0  Mar 0  Apr 0  May 0  Jun 0  Jul 0
        Aug 0  Sep 0  Oct 0  Nov 0  Dec 0
      By weekday, against its surroundings: ▅▅▅▅▅▅▅
        Mon 0  Tue 0  Wed 0  Thu 0  Fri 0  Sat 0  Sun 0
      In use by month, against its surroundings: ▅▅▅▅▅▅▅▅▅▅▅▅
        Jan 0  Feb 0  Mar 0  Apr 0  May 0  Jun 0  Jul 0
        Aug 0  Sep 0  Oct 0  Nov 0  Dec 0
      In use by weekday, against its surroundings: ▅▅▅▅▅▅▅
        Mon 0  Tue 0  Wed 0  Thu 0  Fri 0  Sat 0  Sun 0

    Analyzer seats  ████████████░░░░ 76 %  168 of 220 taken  3 h ago
      ▁▂▂▃▃▄▅▅▅▆▇▇█
      PERIOD   PEAK  MEAN   LAST  CHANGE  OF   MEAN %  PEAK %  DAYS      A YEAR AGO
      2025-11  132   130.7  131   +2      150  87 %    88 %    30        +38 %
      2025-12  135   133.8  135   +4      150  89 %    90 %    31        +36.8 %
      2026-01  138   136.8  138   +3      150  91 %    92 %    31        +35.6 %
      2026-02  141   139.7  140   +2      150  93 %    94 %    28        +34.7 %
      2026-03  144   142.6  144   +4      150  95 %    96 %    31        +33.7 %
      2026-04  147   145.6  147   +3      220  66 %    67 %    30        +32.8 %
      2026-05  150   148.6  149   +2      220  68 %    68 %    31        +31.9 %
      2026-06  153   151.6  153   +4      220  69 %    70 %    30        +31.1 %
      2026-07  150   148.7  150   -3      220  68 %    68 %    31        +31.9 %
      2026-08  159   157.6  159   +9      220  72 %    72 %    31        +29.5 %
      2026-09  162   160.7  162   +3      220  73 %    74 %    30        +28.9 %
      2026-10  165   163.7  164   +2      220  74 %    75 %    31        +28.1 %
      2026-11  168   166.5  168   +4      220  76 %    76 %    24 of 30  +27.6 %
      Year on year: 2026-11 has 166.5 on average
                    2025-11 had 130.4 up to the same day: +36 (+27.6 %)
      Recorded between: entitled 150 to 220 on 1 April 2026; 6 seats went on 1 July
                          2026 without it; nothing else that explains it
      By month, against its surroundings: ██████▁█████
        Jan +0.6  Feb +0.5  Mar +0.4  Apr +0.4  May +0.4  Jun +0.4  Jul -5.5
        Aug +0.5  Sep +0.5  Oct +0.6  Nov +0.5  Dec +0.6
      By weekday, against its surroundings: ▅▅▅▅▅▄▄
        Mon +0.3  Tue +0.3  Wed +0.2  Thu +0.3  Fri +0.3  Sat -0.7  Sun -0.7
      In use by month, against its surroundings: ██████▁█████
        Jan +0.6  Feb +0.3  Mar +0.4  Apr +0.4  May +0.3  Jun +0.4  Jul -4.4
        Aug +0.5  Sep +0.3  Oct +0.5  Nov +0.4  Dec +0.3
      In use by weekday, against its surroundings: ▅▅▅▅▅▄▄
        Mon +0.2  Tue +0.2  Wed +0.2  Thu +0.2  Fri +0.2  Sat -0.5  Sun -0.5
    ");
    let text = growth::render(&planning, None, &plain);
    fits(&text);
    insta::assert_snapshot!(text, @r"
    Site default
    Professional seats
      Growth          0 a month, in 80 of 100 cases the same
      If it fades     0 in the next month (damped trend)
      Data            730 days from 25 November 2024 to 24 November 2026
    Analyzer seats
      Growth          +3 a month, in 80 of 100 cases +2.7 to +3.3
      If it fades     +2.5 in the next month (damped trend)
      Reckoned        cut at a change of the total
      Data            730 days from 25 November 2024 to 24 November 2026
    ");
    let text = forecast::render(&planning, forecast_options(), Default::default(), &plain);
    fits(&text);
    insta::assert_snapshot!(text, @r#"
    Site default
    Professional seats
      Free now        10 of 50
      Growth          0 a month
      Run out         not within 10 years
      With release    not known yet: the list of seats was not read so far
      Model           straight line, the least error so far (no change = 1):
                      line 0.00, level 0.00, damped 0.00, season 0.00, mean 0.00
      If growth fades not within 10 years
      Error so far    seats: 0.0 at 28, 0.0 at 91, 0.0 at 182, 0.0 at 364 days
                      0.0 in all ("no change": 0.0)
                      100 % of 154 earlier ranges held, before they were widened
      Data            730 days from 25 November 2024 to 24 November 2026

         51 │⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀
            │
            │
         47 │
            │
            │
         43 │
            │
            │
         39 │⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁
             2025-11-24                                              2027-11-24
             line: taken   dotted: 80 % range   faint: entitled

    Analyzer seats
      Free now        52 of 220
      Growth          +3 a month; at that pace they last about 17 months
      Run out         between 15 February and 2 August 2028
      With release    not known yet: the list of seats was not read so far
      Model           straight line, the least error so far (no change = 1):
                      line 0.23, level 1.07, damped 0.39, season 0.28, mean 0.46
      If growth fades between 5 October 2028 and 24 April 2030
      Error so far    seats: 1.1 at 28, 1.2 at 91, 1.1 at 182, 0.3 at 364 days
                      1.0 in all ("no change": 9.8)
                      90 % of 154 earlier ranges held, before they were widened
      Data            730 days from 25 November 2024 to 24 November 2026

        225 │            ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄ ⠄
            │                                                               ⡀⡀⠄
            │                                                       ⡀⡀⠄⠂⠂⠁⠁⠁  ⡀
        192 │                                             ⡀⡀⠄⠄⠂⠂⠂⠁⠁⠁⡀⡀⠄⠄⠂⠂⠂⠁⠁⠁
            │                                     ⡀⡄⠄⠂⠂⠁⠁⠁⡀⡀⠄⠄⠂⠂⠂⠁⠁⠁
            │                               ⣀⣠⠄⠆⠆⠅⠄⠄⠄⠂⠂⠂⠁⠁
        159 │                      ⢀⣠⡤⠤⠶⠖⠛⠋⠉⠉
            │⠂ ⠂ ⠂ ⠂ ⠂ ⠂⢀⣀⣀⣠⡤⠔⠖⠒⢻⣤⠴⠞
            │  ⢀⣀⣀⣤⠤⠶⠒⠒⠛⠉⠉
        126 │⠚⠋⠉⠁
             2025-11-24                                              2027-11-24
             line: taken   dotted: 80 % range   faint: entitled
    "#);
    let text = forecast::render(&planning, forecast_options(), Default::default(), &ascii);
    fits(&text);
    assert!(text.is_ascii(), "{text}");
    let text = cost::render(&planning, &plain);
    fits(&text);
    insta::assert_snapshot!(text, @"
    Site default
                    ENTITLED        ALLOCATED       ACTIVE         RECLAIMABLE
      Professional  45,000.00 EUR   36,000.00 EUR   not known yet  not known yet
      Analyzer      88,000.00 EUR   67,200.00 EUR   not known yet  not known yet
      seats         133,000.00 EUR  103,200.00 EUR  not known yet  not known yet
      Capacity      2,400.00 EUR
      a year        135,400.00 EUR
      entitled and allocated of 24 November 2026
      Free                62: 29,800.00 EUR
                          entitled, and nobody has them: paid for all the same
      Per active user     not known yet
      Saved by releases   0.00 EUR in the last 365 days
                          0.00 EUR since the first release
      Next 12 months      133,000.00 EUR to pay for seats
                          between 108,386.85 and 112,330.96 EUR for those taken
                          2,400.00 EUR for minutes, as now
      Budget              exceeds 120,000.00 EUR by 15,400.00 EUR
      Or order anew       as insight renewal recommends from 24 November 2026:
                          40 Professional seats (-10): 36,000.00 EUR
                            without release: what is reclaimable is not known
                          213 Analyzer seats (-7): 85,200.00 EUR
                            without release: what is reclaimable is not known
                          123,600.00 EUR a year
                          of it 2,400.00 EUR for minutes, as now
      Two answers to one question, each for a year. If what is entitled is renewed
      as it is, from 25 November 2026 to 24 November 2027, and seats are added
      only on the day that lacks them (0): 135,400.00 EUR. The verdict on the
      budget is on this. The recommended order, from 24 November 2026 to 23
      November 2027, takes its place: 123,600.00 EUR, 11,800.00 EUR less than
      the most of that, 3,600.00 EUR over the budget. It has 17 seats fewer than
      are entitled, from its first day on, with the risk that it names: it pays
      at once for what may be missing later, or never.
    ");
    let text = capacity::render(&planning, 4, &plain);
    fits(&text);
    insta::assert_snapshot!(text, @r"
    Site default
      Used         █████████████████████████████░ 96 %  9,600 of 10,000 minutes
      Month gone   ████████████████████████░░░░░░ 78 %  3 h ago
      Month end    12,004 minutes at this pace (120 %)
                   more than 11,135 in 14 of 15 months
                   run out on 26 November 2026

      MONTH    USED    OF                                   DAYS
      2026-08  10,000  10,000  ████████████████████  100 %  31
      2026-09  10,000  10,000  ████████████████████  100 %  30
      2026-10  10,000  10,000  ████████████████████  100 %  31
      2026-11  9,600   10,000  ███████████████████░  96 %   24 of 30
    ");
}

/// A store as it is now, since a command takes the time of the machine; and its settings file.
pub async fn command_bench(sites: &[&str], more: &str) -> (TempDir, String, Store) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    std::fs::write(&file, years::settings_yaml(folder.path(), sites, more)).unwrap();
    let store = years::open(&folder.path().join("bursar.db"), Utc::now()).await;
    let file = file.to_str().unwrap().to_owned();
    (folder, file, store)
}

pub fn ask(folder: &TempDir, args: &[&str]) -> String {
    let run = output(args, folder.path());
    let said = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&run.stderr));
    said
}

pub fn json(folder: &TempDir, args: &[&str]) -> Value {
    let args: Vec<_> = args.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&ask(folder, &args)).expect("JSON")
}

/// From 20 to 30 users in four months are 2.5 a month; 68 free seats last about 27 months.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_of_the_admin_guides_comes_out_of_the_command() {
    let (folder, file, store) = command_bench(&[], "").await;
    let month = bursar::insight::DAYS_PER_MONTH;
    let yesterday = Utc::now().date_naive() - TimeDelta::days(1);
    years::keep_days(&store, "default", "analyzer", (yesterday, 123), |n| {
        Some(((20.0 + n as f64 * 2.5 / month).min(30.0), 98.0))
    })
    .await;
    store.close().await;
    let text = ask(&folder, &["insight", "forecast", "-c", &file, "--ascii"]);
    assert!(text.contains("Free now        68 of 98"), "{text}");
    assert!(text.contains("+2.5 a month; at that pace they last about 27 months"), "{text}");
    assert!(text.contains("not known yet"), "{text}");
    let text = ask(&folder, &["insight", "growth", "-c", &file]);
    assert!(text.contains("+2.5 a month, in 80 of 100 cases"), "{text}");
    let answer = json(&folder, &["insight", "forecast", "-c", &file]);
    let forecast = &answer["sites"][0]["types"][0]["forecast"];
    assert_eq!(forecast["free"], 68.0);
    assert_eq!(forecast["reclaimable"], Value::Null);
    assert_eq!(forecast["runsOut"]["kind"], "between");
}

fn keys(value: &Value) -> String {
    value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_answers_as_json_with_the_documented_keys() {
    let (folder, file, store) = command_bench(&[], PRICES).await;
    three_years(&store, "default", Utc::now().date_naive() - TimeDelta::days(1)).await;
    store.close().await;
    let mut all = Vec::new();
    for command in ["utilization", "growth", "forecast", "renewal", "cost", "capacity"] {
        let answer = json(&folder, &["insight", command, "-c", &file]);
        all.push(format!("{command}: {}", keys(&answer)));
        let site = &answer["sites"][0];
        all.push(format!("  site: {}", keys(site)));
        if let Some(of_type) = site["types"].get(1) {
            assert_eq!(of_type["seatType"], "analyzer");
            all.push(format!("  type: {}", keys(of_type)));
        }
        match command {
            "utilization" => {
                let of_type = &site["types"][1];
                all.push(format!("  period: {}", keys(&of_type["periods"][0])));
                all.push(format!("  yearOnYear: {}", keys(&of_type["yearOnYear"])));
            }
            "growth" => all.push(format!("  growth: {}", keys(&site["types"][1]["growth"]))),
            "forecast" => all.push(format!("  forecast: {}", keys(&site["types"][1]["forecast"]))),
            "renewal" => {
                let of_type = &site["types"][1];
                let renewal = &of_type["renewal"];
                all.push(format!("  renewal: {}", keys(renewal)));
                all.push(format!("  term: {}", keys(&renewal["terms"][0])));
                let risk = &renewal["terms"][0]["choices"][0];
                all.push(format!("  choice: {}", keys(risk)));
                all.push(format!("  withoutRelease: {}", keys(&risk["withoutRelease"])));
                all.push(format!("  curve: {}", keys(&of_type["curve"])));
                all.push(format!("  row: {}", keys(&of_type["curve"]["rows"][0])));
            }
            "cost" => all.push(format!("  cost: {}", keys(&site["cost"]))),
            _ => all.push(format!("  month: {}", keys(&site["months"][0]))),
        }
    }
    insta::assert_snapshot!(all.join("\n"), @"
    utilization: time timeZone sites
      site: site types
      type: seatType asOf now by periods yearOnYear recordedInYear seasons seasonsOfUse
      period: name start days of peak mean last change entitled meanPercent peakPercent fullDays quarantined yearOnYearPercent
      yearOnYear: this lastYear change changePercent basis
    growth: time timeZone sites
      site: site types
      type: seatType growth secondOpinion
      growth: perMonth segments fullDays addedBack basis
    forecast: time timeZone sites
      site: site types
      type: seatType forecast
      forecast: today asOf entitled taken free model modelInWords growth monthsAtGrowth runsOut inWords reclaimable limits runsOutAfterRelease afterReleaseInWords secondOpinion error needed outlook
    renewal: time timeZone sites
      site: site types order
      type: seatType renewal limits listAsOf curve
      renewal: on today asOf entitled taken free held full model reclaimable releasing paths recommended terms begins modelInWords untested addedForMonths
      term: months last choices
      choice: riskPercent withoutRelease withRelease
      withoutRelease: seats change price tooMany tooFew
      curve: basis rows
      row: seats days percent
    cost: time timeZone sites
      site: site cost order
      cost: currency byType withoutPrice capacity entitled entitledSeats allocated active idle reclaimable couldBeSaved free perActivePerson activePeople saved savedLastYear nextYear budget
    capacity: time timeZone sites
      site: site asOf capacity months
      month: name used allocated percent days of
    ");
}

/// Nothing costs nothing because nothing is known of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cost_is_not_known_before_the_licenses_are() {
    let prices = "  cost:\n    currency: EUR\n    budgetPerYear: 1000\n    analyzer: {perSeatPerYear: 400}\n";
    let (folder, file, store) = command_bench(&[], prices).await;
    store.close().await;
    let text = ask(&folder, &["insight", "cost", "-c", &file]);
    assert!(text.contains("not known yet: the access licenses were not read so far"), "{text}");
    assert!(!text.contains("0.00") && !text.contains("within"), "{text}");
    let answer = json(&folder, &["insight", "cost", "-c", &file]);
    assert_eq!(answer["sites"][0]["cost"], Value::Null, "{answer}");
    for period in ["1969", "last-month"] {
        let report = ask(&folder, &["report", "-c", &file, "--period", period, "--format", "csv"]);
        assert!(!report.contains("0.00") && !report.contains(",cost,"), "{report}");
        let report = ask(&folder, &["report", "-c", &file, "--period", period, "--format", "md"]);
        assert!(report.contains("Cost is not known yet") && !report.contains("0.00"), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_little_data_is_said_and_nothing_is_made() {
    let (folder, file, store) = command_bench(&["oslo", "bergen"], "").await;
    store.close().await;
    std::fs::remove_file(folder.path().join("bursar.db")).unwrap();
    let run = output(&["insight", "forecast", "-c", &file], folder.path());
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(said.contains("bursar.db does not exist yet") && said.contains("bursar run"), "{said}");
    assert!(!folder.path().join("bursar.db").exists());

    // One day of one of two sites.
    let store = years::open(&folder.path().join("bursar.db"), Utc::now()).await;
    let today = Utc::now().date_naive();
    years::keep_days(&store, "oslo", "analyzer", (today, 1), |_| Some((30.0, 98.0))).await;
    store.close().await;
    let text = ask(&folder, &["insight", "forecast", "-c", &file]);
    assert!(
        text.contains("Site oslo\nAnalyzer seats\n  Forecast        not enough data: 1 of 8 weeks"),
        "{text}"
    );
    assert!(text.contains("Site bergen\n  no history of seats yet"), "{text}");
    let text = ask(&folder, &["insight", "utilization", "-c", &file, "--site", "OSLO"]);
    assert!(text.contains("30 of 98 taken") && !text.contains("bergen"), "{text}");
    assert!(text.contains("Year on year: not enough data: 1 of 13 months"), "{text}");
    assert!(text.contains("By month: not enough data: 1 of 24 months"), "{text}");
    let text = ask(&folder, &["insight", "cost", "-c", &file]);
    assert!(text.contains("nothing has a price: set Butler.cost"), "{text}");
    let text = ask(&folder, &["insight", "capacity", "-c", &file]);
    assert!(text.contains("no history of Analyzer Capacity"), "{text}");
    let run = output(&["insight", "cost", "-c", &file, "--site", "rome"], folder.path());
    assert_eq!(run.status.code(), Some(2));
    let answer = json(&folder, &["insight", "growth", "-c", &file, "--type", "analyzer"]);
    let growth = &answer["sites"][0]["types"][0]["growth"];
    assert_eq!(growth["notEnough"]["unit"], "weeks");
}

#[tokio::test]
async fn a_gap_is_shown_as_days_that_are_missing() {
    let (_folder, settings, store) = bench(&[], "").await;
    let seats = |n: i64| (!(30..40).contains(&n)).then_some((30.0, 98.0));
    years::keep_days(&store, "default", "analyzer", (now().date_naive(), 100), seats).await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let growth = planning.growth(SeatType::Analyzer).unwrap().unwrap();
    assert_eq!((growth.basis.days, growth.basis.missing), (90, 10));
    let options = utilization::Options { months: Some(4), ..Default::default() };
    let text = utilization::render(&planning, options, &Style::plain(true));
    assert!(text.contains("20 of 30"), "{text}");
    let weeks = utilization::Options { by: utilization::By::Week, ..Default::default() };
    let answer = utilization::figures(&planning, weeks);
    assert_eq!(answer.types[0].periods.last().unwrap().period.name, "2026-W48");
}
