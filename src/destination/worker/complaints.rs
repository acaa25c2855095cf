//! What the log says of a destination: once for each cause when it fails, then once an hour with a count
//! while it does, once when it works again.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::store::StoreError;

/// The shortest time between two lines about the same trouble.
const REPEAT: Duration = Duration::from_secs(60 * 60);
/// Most causes of one outage that are said at once; later ones wait for their hour.
const MOST_CAUSES: usize = 5;

#[derive(Debug)]
pub(super) struct Complaints {
    id: String,
    title: String,
    down: Option<Down>,
    /// What was said of it, newest last. A destination that comes and goes says the same again and again.
    said: Vec<Said>,
    refusals: Refusals,
    store_fails: bool,
}

#[derive(Debug)]
struct Down {
    since: Instant,
    /// Whether the log says that it is down.
    told: bool,
}

#[derive(Debug)]
struct Said {
    cause: String,
    at: Instant,
    /// Deliveries that failed for it since then.
    unsaid: u64,
}

#[derive(Debug, Default)]
struct Refusals {
    said: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    pub(super) fn new(id: &str, title: String) -> Self {
        let refusals = Refusals::default();
        Self {
            id: id.to_owned(),
            title,
            down: None,
            said: Vec::new(),
            refusals,
            store_fails: false,
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// One more delivery failed. Whether [`down`](Self::down) has something to say.
    pub(super) fn down_is_due(&mut self, why: &str) -> bool {
        let now = Instant::now();
        self.down.get_or_insert(Down { since: now, told: false });
        if let Some(said) = self.said.iter_mut().find(|said| said.cause == why) {
            said.unsaid += 1;
            return now - said.at >= REPEAT;
        }
        // Texts that are always new wait for their hour, too.
        let recent = self.said.iter().filter(|said| now - said.at < REPEAT).count();
        recent < MOST_CAUSES
    }

    pub(super) fn down(&mut self, why: &str, waiting: u64) {
        let now = Instant::now();
        let down = self.down.get_or_insert(Down { since: now, told: false });
        let first = !std::mem::replace(&mut down.told, true);
        let minutes = (now - down.since).as_secs() / 60;
        let before = self.said.iter().position(|said| said.cause == why);
        let failed = before.map_or(1, |at| self.said.remove(at).unsaid);
        if self.said.len() >= MOST_CAUSES {
            self.said.remove(0);
        }
        self.said.push(Said { cause: why.to_owned(), at: now, unsaid: 0 });
        if first && before.is_none() {
            warn!(
                destination = %self.id, waiting, error = %why,
                "cannot deliver to {}; events are kept and sent again later", self.title
            );
        } else {
            warn!(
                destination = %self.id, waiting, error = %why, failed, minutes,
                "still cannot deliver to {}", self.title
            );
        }
    }

    /// `caught_up`: events that waited for this moment.
    pub(super) fn up(&mut self, caught_up: u64) {
        if let Some(down) = self.down.take().filter(|down| down.told) {
            info!(
                destination = %self.id, caught_up, seconds = down.since.elapsed().as_secs(),
                "{} works again; the events that waited are sent now", self.title
            );
        }
    }

    /// Events became dead letters.
    pub(super) fn refused<'a>(&mut self, whys: impl Iterator<Item = &'a str>) {
        let mut first = None;
        for why in whys {
            first.get_or_insert(why);
            self.refusals.unsaid += 1;
        }
        let Some(why) = first else { return };
        if self.refusals.said.is_none_or(|said| said.elapsed() >= REPEAT) {
            warn!(
                destination = %self.id, count = self.refusals.unsaid, error = %why,
                "{} does not take some events; they are kept as dead letters \
                 (bursar outbox list --refused, retry, drop)", self.title
            );
            self.refusals = Refusals { said: Some(Instant::now()), unsaid: 0 };
        }
    }

    pub(super) fn store_failed(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.store_fails, true) {
            error!(destination = %self.id, %error, "the outbox can't be used; deliveries wait");
        }
    }

    pub(super) fn store_works(&mut self) {
        if std::mem::replace(&mut self.store_fails, false) {
            info!(destination = %self.id, "the outbox can be used again");
        }
    }
}
