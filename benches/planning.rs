//! What the questions cost on a store of ten sites and five years: `cargo bench --bench planning` makes
//! the store, one poll a day, and prints a table.

#![expect(unreachable_pub, reason = "support is that of the tests")]

#[expect(dead_code, reason = "tests have more uses for it")]
#[path = "../tests/it/support/store.rs"]
mod store;
#[path = "../tests/it/support/years.rs"]
mod years;

use std::time::Instant;

use bursar::cli::insight::chart::Style;
use bursar::cli::insight::{forecast, utilization};
use bursar::config::settings::Format;
use bursar::ledger::SeatResult;
use bursar::license::SeatType;
use bursar::planning::{Planning, outlook};
use bursar::report::Period;
use bursar::report::gather::report;
use bursar::store::Store;
use chrono::{DateTime, Datelike, TimeDelta, Utc};

const SITES: usize = 10;
const DAYS: i64 = 5 * 365;
const PRICES: &str = "  cost:\n    currency: EUR\n    budgetPerYear: 120000\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 400}\n    analyzerCapacity: {perThousandMinutes: 20}\n";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let now: DateTime<Utc> = "2026-11-24T15:00:00Z".parse()?;
    let folder = tempfile::tempdir()?;
    let names: Vec<String> = (0..SITES).map(|n| format!("site{n}")).collect();
    let sites: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = folder.path().join("bursar.yaml");
    std::fs::write(&file, years::settings_yaml(folder.path(), &sites, PRICES))?;
    let settings = match bursar::config::load(&file) {
        Ok(loaded) => loaded.settings,
        Err(problems) => anyhow::bail!("{problems}"),
    };
    let store = years::open(&settings.storage.path, now).await;
    for site in &sites {
        fill(&store, site, now).await?;
    }
    years::roll_up(&store, chrono_tz::UTC).await;
    store.close().await;

    let store = Store::open_to_read(&settings.storage.path, settings.storage.outbox).await?;
    let load = async || Planning::load(&store, &settings, "site3", now).await;
    let began = Instant::now();
    for _ in 0..20 {
        load().await?;
    }
    row("load a site", began, 20);
    let mut loaded = Vec::new();
    for _ in 0..20 {
        loaded.push(load().await?);
    }
    let mut fresh = loaded.into_iter();
    let mut each = |what: &str, ask: &dyn Fn(&Planning)| {
        let four: Vec<_> = fresh.by_ref().take(4).collect();
        let began = Instant::now();
        four.iter().for_each(ask);
        row(what, began, four.len());
    };
    each("forecast of both types", &|planning| {
        for seat_type in [SeatType::Professional, SeatType::Analyzer] {
            std::hint::black_box(planning.forecast(seat_type));
        }
    });
    each("outlook, as alerts ask", &|planning| {
        std::hint::black_box(outlook(planning));
    });
    let style = Style::plain(true);
    each("utilization as text", &|planning| {
        std::hint::black_box(utilization::render(planning, Default::default(), &style));
    });
    each("forecast as text", &|planning| {
        let options = forecast::Options { seat_type: None, months: 12 };
        std::hint::black_box(forecast::render(planning, options, Default::default(), &style));
    });
    let period = Period::parse("2026", now.date_naive()).map_err(anyhow::Error::msg)?;
    let began = Instant::now();
    let all = report(&store, &settings, &names, period, now).await?;
    row("report of a year, ten sites, gathered", began, 1);
    let began = Instant::now();
    let html = all.write(Format::Html)?;
    row(&format!("the same as HTML ({} kB)", html.len() / 1000), began, 1);
    store.close().await;
    Ok(())
}

async fn fill(store: &Store, site: &str, now: DateTime<Utc>) -> anyhow::Result<()> {
    let today = now.date_naive();
    let taken = |n: i64, from: f64| from + n as f64 * 2.5 / 30.4375;
    years::keep_days(store, site, "analyzer", (today, DAYS), |n| {
        Some((taken(n, 60.0).round(), if n < 900 { 150.0 } else { 300.0 }))
    })
    .await;
    years::keep_days(store, site, "professional", (today, DAYS), |n| {
        Some((taken(n, 30.0).round(), 250.0))
    })
    .await;
    let minutes = (0..DAYS).flat_map(|n| {
        let day = today - TimeDelta::days(n);
        years::minutes(years::noon(day), f64::from(day.day()) * 300.0, 10_000.0)
    });
    store.keep_samples(site, minutes.collect()).await?;
    for n in 0..50 {
        let person = years::person(n, "person");
        years::attempt(store, site, SeatType::Analyzer, person, SeatResult::Freed).await;
    }
    Ok(())
}

fn row(what: &str, began: Instant, times: usize) {
    let each = began.elapsed() / u32::try_from(times).unwrap_or(u32::MAX);
    println!("{what:<45} {:>9.1} ms", each.as_secs_f64() * 1e3);
}
