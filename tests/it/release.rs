//! The release engine against the simulated site: what it takes, what it leaves, what it writes
//! down, and what stops it.

mod seats;
mod world;
