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
use bursar::license::{Holder, Moment, Seat, SeatType};
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
        people: Vec::new(),
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
    stop.cancel();
    served.await?;
    Ok(())
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
