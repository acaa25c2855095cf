//! What was handed over on one connection and is not acknowledged yet. When a broker hangs up, the
//! oldest of it is what it most likely did not like.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use super::link::Message;

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) topic: String,
    /// Of its payload.
    pub(super) bytes: usize,
}

/// Brokers acknowledge in the order in which they receive (MQTT 5, 4.6), so the oldest goes first.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<VecDeque<Sent>>);

impl InFlight {
    pub(super) fn handed_over(&self, message: &Message) {
        let sent = Sent { topic: message.topic.clone(), bytes: message.payload.len() };
        self.lock().push_back(sent);
    }

    /// The last one could not be handed over after all.
    pub(super) fn taken_back(&self) {
        self.lock().pop_back();
    }

    pub(super) fn acknowledged(&self) {
        self.lock().pop_front();
    }

    /// The oldest that is not acknowledged.
    pub(super) fn oldest(&self) -> Option<Sent> {
        self.lock().front().cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        self.0.lock().expect("nothing panics while it is held")
    }
}
