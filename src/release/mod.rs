//! Releasing idle seats.
//!
//! ```text
//! read (snapshot) -> plan (pure) -> guard (pure) -> apply -> ledger, events
//! ```
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`rules`] | who keeps a seat whatever happens |
//! | [`plan`] | a decision with its reasons for every seat; no I/O, no clock |
//! | [`named`] | whom a person means who names somebody in a command |
//! | [`next`] | when the schedule next starts a run, and what keeps it from taking seats |
//! | [`guard`] | what stops a run before it takes the first seat |
//! | [`reclaim`] | what the rules would take, for figures |
//! | [`replay`] | what they would have done, day by day; no I/O, no clock |
//! | [`read`] | the snapshot of a site that a plan is made of |
//! | `reviewed` | what of a plan that a person has read still holds |
//! | `sharing` | other sites with the same license |
//! | `spelling` | which rules name nobody of the site |
//! | [`run`] | a run from the lock to the last event; the way in |
//! | [`settings`] | `licenseRelease` as written and validated; what the engine knows of its site |
//! | `lock` | one run at a time |
//! | `session` | the records, events and counts of a run |
//! | [`apply`] | works through the seats until something stops it |
//! | `seat` | one seat: read again, compare, intent, DELETE, read again, outcome |
//! | `verify` | reading what became of a seat after an attempt |
//! | `verdict` | what follows from what was answered and what was read: one table |
//! | [`settle`] | what became of intents whose outcome is not known |
//! | [`undo`] | allocating seats again to the people who had them |
//! | `text` | plans and runs in words |
//!
//! This is the only module that may use `qrs::write`.

pub mod apply;
mod batch;
pub mod guard;
mod lanes;
mod lock;
pub mod named;
pub mod next;
pub mod plan;
pub mod read;
pub mod reclaim;
pub mod replay;
mod reviewed;
pub mod rules;
pub mod run;
mod seat;
mod session;
pub mod settings;
pub mod settle;
mod sharing;
mod spelling;
mod text;
pub mod undo;
mod verdict;
mod verify;

pub use plan::{Decision, Keep, Outcome, Plan, TypePlan};
pub(crate) use text::enough_free;
