//! How far the readings of a client have come, for somebody who waits.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of what came, since the client was made.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    wanted: AtomicU64,
    people: AtomicU64,
}

impl Progress {
    /// Rows of lists, users among them. Those of a list that is read again count again.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Users that were answered for, and users asked for.
    pub fn people(&self) -> (u64, u64) {
        (self.people.load(Ordering::Relaxed), self.wanted.load(Ordering::Relaxed))
    }

    pub(super) fn read_rows(&self, count: usize) {
        self.rows.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn want_people(&self, count: usize) {
        self.wanted.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn read_people(&self, count: usize) {
        self.people.fetch_add(count as u64, Ordering::Relaxed);
    }
}
