//! The release engine against the simulated site: what it takes, what it leaves, what it writes
//! down, and what stops it.

mod announcements;
mod crashes;
mod fate;
mod guards;
mod points;
mod rehearsal;
mod reviewed;
mod seats;
mod stops;
mod undo;
pub mod world;
