//! What `bursar release simulate` costs on a large site: the built program itself on a made store, beside a
//! bare read of the same rows from SQLite in a process of its own.
//!
//! `cargo bench --bench simulate` makes a site of 200,000 Analyzer seats with ten years of gaps of use, and
//! asks for a year (the default), for all ten years, and for one threshold of them. Figures are printed,
//! nothing is asserted but that every gap was replayed. `cargo bench --bench simulate -- 20000` makes a
//! smaller site.

#![expect(unreachable_pub, reason = "support is that of the tests")]

#[expect(dead_code, reason = "tests have more uses for it")]
#[path = "../tests/it/support/store.rs"]
mod store;
#[expect(dead_code, reason = "tests have more uses for it")]
#[path = "../tests/it/support/years.rs"]
mod years;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bursar::license::{Moment, Person, Seat, SeatType, SiteIdentity};
use bursar::store::{IdleGap, SeatReading, SeatsPast, Store};
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

const SITE: &str = "default";
const YEARS: i64 = 10;
const DAYS: i64 = YEARS * 365;
/// Gaps are kept in parts of so many.
const PART: usize = 50_000;
const SETTINGS: &str = "    seatMonitor: {enable: true, keepChangesDays: 4000}
    licenseRelease:
      neverRelease: {tag: [vip]}
      licenseType: {analyzer: {enable: true, maxReleasePercent: 100}}
  cost: {currency: EUR, analyzer: {perSeatPerYear: 365}}
";

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some("bare") = words.first().map(String::as_str) {
        println!("{}", bare(Path::new(&words[1]), words[2].parse()?)?);
        return Ok(());
    }
    let seats = words.first().map_or(Ok(200_000), |word| word.parse())?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bursar.yaml");
    std::fs::write(&file, years::settings_yaml(folder.path(), &[], SETTINGS))?;
    let began = Instant::now();
    let path = folder.path().join("bursar.db");
    let runtime = tokio::runtime::Runtime::new()?;
    let gaps = runtime.block_on(fill(&path, seats))?;
    let size = std::fs::metadata(&path)?.len() as f64 / 1e6;
    println!(
        "{seats} seats, {gaps} gaps of {YEARS} years: {size:.0} MB, made in {:.0?}",
        began.elapsed()
    );
    println!("asked                          simulate    memory      rows       bare   ratio");
    let today = Utc::now().date_naive();
    // The first and the last day are both replayed.
    let first = (today - TimeDelta::days(DAYS - 21)).to_string();
    for (what, args, days) in [
        ("a year, five thresholds", &[][..], 365),
        ("ten years, five thresholds", &["--since", &first], DAYS - 20),
        ("ten years, one threshold", &["--since", &first, "--threshold", "60"], DAYS - 20),
    ] {
        let (answer, time, memory) = simulate(&file, args)?;
        let thresholds = &answer["sites"][0]["types"][0]["thresholds"];
        let many = thresholds[0]["days"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(many as i64 == days, "{many} days");
        let from = (today - TimeDelta::days(days - 1)).and_time(NaiveTime::MIN).and_utc();
        let begin = Instant::now();
        let output = Command::new(std::env::current_exe()?)
            .args(["bare", path.to_str().unwrap_or_default()])
            .arg((from - TimeDelta::days(30)).timestamp_millis().to_string())
            .output()?;
        let limit = begin.elapsed();
        anyhow::ensure!(output.status.success(), "the bare client failed");
        let rows = String::from_utf8(output.stdout)?;
        println!(
            "{what:<28} {:>8.2} s {memory:>6.0} MiB {:>9} {:>8.2} s {:>7.2}",
            time.as_secs_f64(),
            rows.trim(),
            limit.as_secs_f64(),
            time.as_secs_f64() / limit.as_secs_f64()
        );
    }
    Ok(())
}

/// The program's answer, how long it took, and the most memory that it had.
fn simulate(file: &Path, args: &[&str]) -> anyhow::Result<(Value, Duration, f64)> {
    let begin = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_bursar"))
        .args(["release", "simulate", "--json", "-c"])
        .arg(file)
        .args(args)
        .env_remove("BURSAR_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .stdout(Stdio::piped())
        .spawn()?;
    let process = child.id();
    let waiting = std::thread::spawn(move || child.wait_with_output());
    let mut most = 0.0_f64;
    while !waiting.is_finished() {
        most = most.max(peak_mib(process).unwrap_or(0.0));
        #[expect(clippy::disallowed_methods, reason = "a thread beside the runtime")]
        std::thread::sleep(Duration::from_millis(20));
    }
    let time = begin.elapsed();
    let output = waiting.join().expect("it does not panic")?;
    anyhow::ensure!(output.status.success(), "{}", output.status);
    Ok((serde_json::from_slice(&output.stdout)?, time, most))
}

fn peak_mib(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Reads all that a replay since then needs, and does nothing with it.
fn bare(path: &Path, since: i64) -> anyhow::Result<u64> {
    let db = store::database(path);
    let mut rows = 0;
    for table in [
        "SELECT * FROM seat WHERE ?1 = ?1",
        "SELECT * FROM seat_person WHERE ?1 = ?1",
        "SELECT * FROM seat_gap WHERE site = 'default' AND until >= ?1",
        "SELECT * FROM seat_change WHERE site = 'default' AND time >= ?1",
    ] {
        let mut query = db.prepare(table)?;
        let columns = query.column_count();
        let mut found = query.query([since])?;
        while let Some(row) = found.next()? {
            for column in 0..columns {
                std::hint::black_box(row.get_ref(column)?);
            }
            rows += 1;
        }
    }
    Ok(rows)
}

/// Half past midnight, so many days ago.
fn ago(now: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    let time = NaiveTime::from_hms_opt(0, 30, 0).expect("a time");
    (now.date_naive() - Days::new(days.unsigned_abs())).and_time(time).and_utc()
}

/// One in four people is there every week and away for two weeks twice a year; the others come and go.
async fn fill(path: &Path, count: u128) -> anyhow::Result<usize> {
    let now = Utc::now();
    let first = ago(now, DAYS);
    let store = years::open(path, first).await;
    let identity = SiteIdentity { nodes: vec!["node".to_owned()], ..SiteIdentity::default() };
    store.meet_site(SITE, identity).await?;
    keep(&store, first, Vec::new(), Vec::new()).await?;
    store.close().await;
    let store = years::open(path, now).await;
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut seats, mut people, mut gaps, mut total) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for n in 1..=count {
        let (id, user) = (Uuid::from_u128(n << 64), Uuid::from_u128((1 << 120) + (n << 64)));
        let is_regular = n % 4 == 0;
        let mut day = if is_regular { rng.i64(0..7) } else { rng.i64(0..120) };
        seats.push(seat(id, user, n, ago(now, DAYS + 100), ago(now, day)));
        people.push(person(user, n));
        loop {
            let to = day + if is_regular { rng.i64(120..240) } else { rng.i64(1..180) };
            day = to + if is_regular { rng.i64(14..21) } else { rng.i64(14..200) };
            if day > DAYS {
                break;
            }
            let (from, to) = (ago(now, day), ago(now, to));
            let unused_at = to - TimeDelta::minutes(10);
            let seat_type = SeatType::Analyzer;
            gaps.push(IdleGap { seat_type, seat: id, user, from, to, first_use: false, unused_at });
        }
        if gaps.len() >= PART || n == count {
            total += gaps.len();
            let past = SeatsPast { gaps: std::mem::take(&mut gaps), ..SeatsPast::default() };
            store.keep_seats_past(SITE, past).await?;
        }
    }
    keep(&store, now, seats, people).await?;
    years::keep_days(&store, SITE, "analyzer", (now.date_naive(), DAYS), |_| {
        Some((count as f64, count as f64 + 1_000.0))
    })
    .await;
    years::roll_up(&store, chrono_tz::UTC).await;
    store.close().await;
    Ok(total)
}

async fn keep(
    store: &Store,
    time: DateTime<Utc>,
    seats: Vec<Seat>,
    people: Vec<Person>,
) -> anyhow::Result<()> {
    let reading = SeatReading {
        time,
        lists: vec![(SeatType::Analyzer, seats)],
        changes: Vec::new(),
        people,
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 4_000,
    };
    store.keep_seats(SITE, reading, Vec::new()).await?;
    Ok(())
}

fn seat(id: Uuid, user: Uuid, n: u128, created: DateTime<Utc>, used: DateTime<Utc>) -> Seat {
    let holder = bursar::license::Holder {
        id: user,
        directory: "CORP".into(),
        user_id: format!("user{n}").into(),
        name: format!("Person Number {n}").into(),
    };
    Seat {
        id,
        seat_type: SeatType::Analyzer,
        holder: Some(holder.into()),
        deleted_user: None,
        created: Moment::At(created),
        last_used: Moment::At(used),
        excess: false,
        quarantined: None,
    }
}

fn person(id: Uuid, n: u128) -> Person {
    Person {
        id,
        directory: "CORP".into(),
        user_id: format!("user{n}").into(),
        name: format!("Person Number {n}").into(),
        roles: None,
        groups: None,
        tags: if n.is_multiple_of(100) { vec!["VIP".into()] } else { Vec::new() },
        properties: Vec::new(),
        inactive: false,
        blocked: false,
        removed_externally: false,
    }
}
