//! How long a command may read sites, and how far it has come.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::qrs::{Client, Patience};

/// The time limit of a command that reads sites.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct TimeLimit {
    /// How long the whole command may take, such as 90s, 30m or 2h. The default is for sites that
    /// are large and slow
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    timeout: Duration,
}

impl Default for TimeLimit {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60 * 60) }
    }
}

/// As [`TimeLimit`], for a command that works through seats one after the other.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct RunLimit {
    /// How long the whole command may take, such as 90s, 30m or 2h; not counted while it asks. At
    /// the end it stops after the seats in hand
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = duration)]
    timeout: Duration,
}

/// The limit is over, and what the command was at.
#[derive(Debug, thiserror::Error)]
#[error("the time limit of {} was over before the site was read; give it more (--timeout), or look at the load of the central node", in_words(.0))]
pub(super) struct LimitExceeded(pub(super) Duration);

impl TimeLimit {
    /// A command that begins now asks everything once: somebody waits for the answer.
    pub(super) fn patience(&self) -> Patience {
        Patience::ONCE.ending_at(Instant::now() + self.timeout)
    }

    /// Does the work within the limit.
    pub(super) async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, LimitExceeded> {
        tokio::time::timeout(self.timeout, work).await.map_err(|_| LimitExceeded(self.timeout))
    }
}

impl RunLimit {
    pub(super) fn time(&self) -> Duration {
        self.timeout
    }

    pub(super) fn reading(&self) -> TimeLimit {
        TimeLimit { timeout: self.timeout }
    }
}

/// `90s`, `30m`, `2h`, `1d`, up to 30 days; a number alone means seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number with s, m, h or d, such as 90s, 30m or 2h".to_owned();
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    match digits.trim().parse::<u64>() {
        Ok(count) if (1..=30 * 86_400 / seconds).contains(&count) => {
            Ok(Duration::from_secs(count * seconds))
        }
        _ => Err(wrong()),
    }
}

/// `2 h`, `90 s`: the largest unit that is whole.
pub(super) fn in_words(time: &Duration) -> String {
    match time.as_secs() {
        seconds if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        seconds if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// How often the bar looks at the counts.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is said where nobody sees a bar.
const SAID: Duration = Duration::from_secs(20);

/// Shows on a terminal how far a site is read, until it is dropped.
#[derive(Debug)]
pub(super) struct Reading {
    bar: ProgressBar,
    looking: Option<JoinHandle<()>>,
}

impl Reading {
    pub(super) fn of(client: &Client) -> Self {
        Self::among(&bars(), client)
    }

    /// One bar of several.
    pub(super) fn among(bars: &MultiProgress, client: &Client) -> Self {
        let bar = bars.add(ProgressBar::no_length());
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is right");
        bar.set_style(style);
        if bar.is_hidden() {
            let client = client.clone();
            let looking = tokio::spawn(async move {
                loop {
                    tokio::time::sleep(SAID).await;
                    errln!("{}, going on", so_far(&client));
                }
            });
            return Self { bar, looking: Some(looking) };
        }
        let (client, shown) = (client.clone(), bar.clone());
        let looking = tokio::spawn(async move {
            loop {
                shown.set_message(so_far(&client));
                shown.tick();
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { bar, looking: Some(looking) }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(looking) = &self.looking {
            looking.abort();
        }
        self.bar.finish_and_clear();
    }
}

/// On standard error, if it is a terminal.
pub(super) fn bars() -> MultiProgress {
    MultiProgress::with_draw_target(ProgressDrawTarget::stderr())
}

fn so_far(client: &Client) -> String {
    let progress = client.progress();
    let site = client.site();
    match progress.people() {
        (_, 0) => format!("reading {site}: {} rows", progress.rows()),
        (read, wanted) => format!("reading {site}: {read} of {wanted} users"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), (" 30m", 1_800), ("2h", 7_200), ("1d", 86_400)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "s", "0s", "-1h", "31d", "2w", "1.5h", "é", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        let words: Vec<_> = [90, 1_800, 7_200].map(|s| in_words(&Duration::from_secs(s))).into();
        assert_eq!(words, ["90 s", "30 min", "2 h"]);
    }
}
