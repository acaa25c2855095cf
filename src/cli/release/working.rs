//! While a run takes or gives seats: what ends it early, and how far it has come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::super::limit::{Reading, RunLimit, in_words};
use crate::daemon;
use crate::input::Seen;
use crate::ledger::RunStatus;
use crate::qrs::Client;
use crate::release::run::{Progress, Report};

/// How often changed settings are looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Ends a run after the seats in hand: at ctrl-c, when the time limit is over, or when the settings change.
#[derive(Debug)]
pub(super) struct Stop {
    token: CancellationToken,
    limit: RunLimit,
    over: Arc<AtomicBool>,
    changed: Arc<AtomicBool>,
}

impl RunLimit {
    /// For a run that begins now, after so much of the time was spent.
    pub(super) fn stop(self, spent: Duration) -> Stop {
        let token = CancellationToken::new();
        tokio::spawn(daemon::signals(token.clone(), daemon::Hangup::Stops));
        let over = Arc::new(AtomicBool::new(false));
        let (end, stopped) = (over.clone(), token.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(self.time().saturating_sub(spent)) => {
                    end.store(true, Ordering::Relaxed);
                    stopped.cancel();
                }
                () = stopped.cancelled() => {}
            }
        });
        Stop { token, limit: self, over, changed: Arc::default() }
    }
}

impl Stop {
    pub(super) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Also when a file holds something else than the settings were made of, now or later: whom it protects meanwhile
    /// is in no plan.
    pub(super) fn when_changed(&self, seen: Seen) {
        let (token, changed) = (self.token.clone(), self.changed.clone());
        let is_changed = move |seen: &Seen| {
            let is_changed = seen.again() != *seen;
            changed.fetch_or(is_changed, Ordering::Relaxed);
            is_changed
        };
        if is_changed(&seen) {
            return token.cancel();
        }
        tokio::spawn(async move {
            while token.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
                if is_changed(&seen) {
                    token.cancel();
                }
            }
        });
    }

    /// Says on standard error that the time limit, other settings or a signal ended the run, if they did.
    pub(super) fn explain(&self, report: &Report) {
        if report.status != RunStatus::Stopped || !self.token.is_cancelled() {
            return;
        }
        if self.changed.load(Ordering::Relaxed) {
            errln!(
                "bursar: the settings have changed since this command read them: the seats in hand \
                 were finished, the others are as they were; to go on by the settings of now: the \
                 same command again"
            );
        } else if self.over.load(Ordering::Relaxed) {
            let limit = in_words(&self.limit.time());
            errln!(
                "bursar: the time limit of {limit} was over: the seats in hand were finished, the \
                 others are as they were; to go on: the same command again, with more time \
                 (--timeout)"
            );
        } else {
            errln!(
                "bursar: stopped by a signal: the seats in hand were finished, the others are as they \
                 were; to go on: the same command again"
            );
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

/// Shows on a terminal how far the reading has come, and then the seats.
#[derive(Debug)]
pub(super) struct Seats {
    bar: ProgressBar,
    reading: Arc<Mutex<Option<Reading>>>,
}

impl Seats {
    pub(super) fn of(client: &Client) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seats{left}")
            .expect("the template is right")
            .with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Before the first seat nobody knows. The bar shows what could be written.
                let _ = out.write_str(&left(state.pos(), state.eta()));
            });
        bar.set_style(style);
        Self { bar, reading: Arc::new(Mutex::new(Some(Reading::of(client)))) }
    }

    /// To be told of each seat.
    pub(super) fn progress(&self) -> Progress {
        let (bar, reading) = (self.bar.clone(), self.reading.clone());
        Progress(Arc::new(move |done, all| {
            drop(reading.lock().unwrap_or_else(PoisonError::into_inner).take());
            bar.update(|state| {
                state.set_len(all);
                state.set_pos(done);
            });
        }))
    }
}

/// What is left of the time, once a seat is done.
fn left(done: u64, eta: Duration) -> String {
    if done == 0 { String::new() } else { format!(", {:#} left", HumanDuration(eta)) }
}

impl Drop for Seats {
    fn drop(&mut self) {
        drop(self.reading.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_promised_before_the_first_seat() {
        assert_eq!(left(0, Duration::ZERO), "");
        assert_eq!(left(3, Duration::from_secs(600)), ", 10m left");
    }
}
