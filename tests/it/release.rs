//! The release engine against the simulated site: what it takes, what it leaves, what it writes
//! down, and what stops it.

mod afterwards;
mod announcements;
mod backed;
mod batches;
mod clocks;
mod crashes;
mod fate;
mod first_run;
mod guards;
mod other_site;
mod points;
mod rehearsal;
mod reviewed;
mod seats;
mod stops;
mod undo;
mod unknown;
mod window;
pub mod world;
