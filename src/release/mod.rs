//! Giving idle seats back.
//!
//! ```text
//! read (snapshot) -> plan (pure) -> guard (pure) -> apply -> ledger, events
//! ```
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`policy`] | the settings that decide, as every plan carries them |
//! | [`rules`] | who keeps a seat whatever happens |
//! | [`plan`] | a decision with its reasons for every seat; no I/O, no clock |
//! | [`guard`] | what stops a run before it takes the first seat |
//! | [`read`] | the snapshot of a site that a plan is made of |
//! | [`apply`] | one seat at a time: read again, intent, DELETE, read again, outcome |
//! | [`settle`] | what became of intents whose outcome is not known |
//! | [`undo`] | giving seats back to the people who had them |
//! | [`run`] | one run from the lock to the last event |
//! | `text` | plans and runs in words |
//!
//! This is the only module that may use `qrs::write`.

pub mod apply;
pub mod guard;
pub mod plan;
pub mod policy;
pub mod read;
pub mod rules;
pub mod run;
pub mod settle;
mod text;
pub mod undo;

pub use guard::{Guard, Refusal};
pub use plan::{Decision, Keep, Outcome, Plan, TypePlan};
pub use policy::{NeverRelease, Policy, TypeRule};
