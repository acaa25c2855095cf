//! The history as its users see it. The clock of the store begins at 2027-01-15 08:00 UTC.

mod importing;
mod keeping;
mod random;
mod retention;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::*;
use crate::license::Pools;
use crate::license::pools::SeatPool;
use crate::store::Store;
use crate::store::settings::HistoryRetention;
use crate::store::tests::Bench;

const RETENTION: HistoryRetention =
    HistoryRetention { raw_days: 90, hourly_days: 730, daily_days: 3650 };

/// Much shorter, so that a few days are enough to see the end of each.
const SHORT: HistoryRetention = HistoryRetention { raw_days: 2, hourly_days: 5, daily_days: 20 };

const HOUR: Duration = Duration::from_secs(3600);

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn sample(text: &str, value: f64) -> Sample {
    Sample { time: time(text), pool: "professional".into(), field: "allocated".into(), value }
}

fn pools(allocated: f64) -> Pools {
    let seats = SeatPool {
        enabled: true,
        total: 100.0,
        allocated,
        available: 100.0 - allocated,
        used: 7.0,
        quarantined: 1.0,
        excess: 0.0,
    };
    Pools { professional: Some(seats), ..Pools::default() }
}

/// A history as text: one line for each poll, hour or day.
async fn show(store: &Store, resolution: Resolution, zone: Tz) -> String {
    show_field(store, "allocated", resolution, zone).await
}

async fn show_field(store: &Store, field: &str, resolution: Resolution, zone: Tz) -> String {
    let all = everything(store, field, resolution).await;
    let lines = all.iter().map(|r| {
        let start = r.start.with_timezone(&zone).format("%m-%d %H:%M:%S");
        let Rollup { min, mean, max, last, samples, .. } = r;
        format!("{start} min {min} mean {mean} max {max} last {last} of {samples}\n")
    });
    lines.collect()
}

async fn everything(store: &Store, field: &str, resolution: Resolution) -> Vec<Rollup> {
    let (from, to) = (DateTime::<Utc>::UNIX_EPOCH, time("2100-01-01T00:00:00Z"));
    store.history("a", "professional", field, resolution, from, to).await.unwrap()
}

async fn keep(store: &Store, samples: &[(&str, f64)]) {
    let samples = samples.iter().map(|(text, value)| sample(text, *value)).collect();
    store.keep_samples("a", samples).await.unwrap();
}

impl Bench {
    /// At a time of its own.
    async fn at(now: &str) -> Self {
        let bench = Self::new(1000).await;
        bench.advance_to(now);
        bench
    }

    fn advance_to(&self, now: &str) {
        self.set_now(time(now));
    }

    async fn maintain(&self, retention: HistoryRetention, zone: Tz) -> Maintained {
        self.store.maintain_history(retention, zone).await.unwrap()
    }

    /// Until nothing is left to do.
    async fn maintain_all(&self, retention: HistoryRetention, zone: Tz) {
        while self.maintain(retention, zone).await != Maintained::default() {}
    }
}
