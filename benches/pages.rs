//! What pages cost with five years of history and 200,000 seats: `cargo bench --bench pages` makes the store, serves
//! the pages and prints a table.

#![expect(unreachable_pub, reason = "support is that of the tests")]

#[expect(dead_code, reason = "tests have more uses for it")]
#[path = "../tests/it/support/store.rs"]
mod store;
#[expect(dead_code, reason = "tests have more uses for it")]
#[path = "../tests/it/support/years.rs"]
mod years;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar::clock::Clock;
use bursar::license::{Holder, Moment, Person, Seat, SeatType};
use bursar::store::SeatReading;
use bursar::web::{Page, Source};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SEATS: u128 = 200_000;

/// Asked so often; the slowest counts.
const TIMES: u32 = 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    bursar::tls::install_provider();
    let now: DateTime<Utc> = "2026-11-24T15:00:00Z".parse()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bursar.yaml");
    let web = "  web: {enable: true, port: 0, showNames: true}\n";
    std::fs::write(&file, years::settings_yaml(folder.path(), &["main"], web))?;
    let settings = match bursar::config::load(&file) {
        Ok(loaded) => loaded.settings,
        Err(problems) => anyhow::bail!("{problems}"),
    };
    let store = years::open(&settings.storage.path, now).await;
    let lists = [SeatType::Professional, SeatType::Analyzer].map(|of| {
        (of, (0..SEATS).map(|n| seat(n, now)).filter(|seat| seat.seat_type == of).collect())
    });
    let reading = SeatReading {
        time: now,
        lists: lists.into(),
        changes: Vec::new(),
        people: (0..SEATS).map(|n| person(&seat(n, now), n)).collect(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 400,
    };
    store.keep_seats("main", reading, Vec::new()).await?;
    let source = Source { settings: Arc::new(settings), store, clock: Clock::following(now) };
    let page = Page::bind("127.0.0.1:0".parse()?, source).await?;
    let base = format!("http://{}", page.address()?);
    let stop = CancellationToken::new();
    let served = tokio::spawn(page.serve(stop.clone()));
    println!("{:<58} {:>9} {:>9}", "page", "first ms", "worst ms");
    for (what, path) in [
        ("the overview", ""),
        ("all seats", "/seats"),
        ("seats, type:analyzer", "/seats?q=type:analyzer"),
        ("seats, idle:>60", "/seats?q=idle:%3E60"),
        ("seats, dir:CORP idle:>60", "/seats?q=dir:CORP+idle:%3E60"),
        ("seats, a part of a name", "/seats?q=user00017"),
        ("seats, a part of no name", "/seats?q=zzzzzz"),
        ("seats, by account", "/seats?sort=person"),
        ("seats, idle:never", "/seats?q=idle:never"),
        ("seats, prop:Department=Sales idle:>60", "/seats?q=prop:Department%3DSales+idle:%3E60"),
        ("trends of a year and what may come", "/trends"),
        ("trends of five years", "/trends?from=2021-11-24&to=2026-11-24"),
        ("renewal", "/renewal"),
        ("cost by department", "/cost?by=Department"),
        ("settings", "/../../settings"),
    ] {
        let address = format!("{base}/site/main{path}").replace("/site/main/../..", "");
        let first = ask(&address).await?;
        let mut worst = Duration::ZERO;
        for _ in 0..TIMES {
            worst = worst.max(ask(&address).await?);
        }
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!("{what:<58} {:>9.1} {:>9.1}", ms(first), ms(worst));
    }
    not_modified(&base).await?;
    stop.cancel();
    served.await?;
    Ok(())
}

/// A page that the browser has, and what the overview weighs with its style and its script.
async fn not_modified(base: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let first = client.get(format!("{base}/site/main")).send().await?;
    let tag = first.headers().get("etag").cloned().ok_or(anyhow::anyhow!("no tag"))?;
    let page = first.text().await?;
    let (mut worst, mut bytes) = (Duration::ZERO, 0);
    let cpu = processor_time();
    for _ in 0..100 {
        let began = Instant::now();
        let request = client.get(format!("{base}/site/main")).header("if-none-match", &tag);
        let answer = request.send().await?;
        anyhow::ensure!(answer.status() == 304, "{}", answer.status());
        worst = worst.max(began.elapsed());
        let head = answer.headers().iter();
        bytes = 30 + head.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    }
    let each = (processor_time() - cpu) / 100;
    println!(
        "304: {bytes} bytes, at most {:.2} ms, {:.2} ms of processor time with its client",
        worst.as_secs_f64() * 1e3,
        each.as_secs_f64() * 1e3
    );
    let mut whole = page.len();
    for asset in page.split('"').filter(|text| text.starts_with("/assets/")) {
        whole += client.get(format!("{base}{asset}")).send().await?.bytes().await?.len();
    }
    println!("the overview with its style and its script: {whole} bytes");
    Ok(())
}

/// Of this process, its bench included.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

async fn ask(address: &str) -> anyhow::Result<Duration> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let began = Instant::now();
    let answer = client.get(address).send().await?.error_for_status()?;
    answer.bytes().await?;
    Ok(began.elapsed())
}

fn seat(n: u128, now: DateTime<Utc>) -> Seat {
    let holder = Holder {
        id: Uuid::from_u128(n + 1_000_000),
        directory: if n.is_multiple_of(3) { "LAB".into() } else { "CORP".into() },
        user_id: format!("user{n:07}").as_str().into(),
        name: format!("Given Family {n}").as_str().into(),
    };
    let idle = TimeDelta::days(i64::try_from(n % 300).unwrap_or(0));
    Seat {
        id: Uuid::from_u128(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        seat_type: if n.is_multiple_of(4) { SeatType::Professional } else { SeatType::Analyzer },
        holder: Some(Arc::new(holder)),
        deleted_user: None,
        created: Moment::At(now - TimeDelta::days(500)),
        last_used: if n.is_multiple_of(50) { Moment::Never } else { Moment::At(now - idle) },
        excess: false,
        quarantined: None,
    }
}

/// One in twelve is of each department.
fn person(seat: &Seat, n: u128) -> Person {
    const DEPARTMENTS: [&str; 12] = [
        "Sales",
        "Finance",
        "HR",
        "IT",
        "Legal",
        "R&D",
        "Support",
        "Marketing",
        "Logistics",
        "Quality",
        "Purchasing",
        "Production",
    ];
    let holder = seat.holder.as_deref().cloned().expect("each seat has one");
    Person {
        id: holder.id,
        directory: (*holder.directory).into(),
        user_id: (*holder.user_id).into(),
        name: (*holder.name).into(),
        roles: None,
        groups: None,
        tags: Vec::new(),
        properties: vec![("Department".into(), DEPARTMENTS[(n % 12) as usize].into())],
        inactive: false,
        blocked: false,
        removed_externally: false,
    }
}
