//! Everything that comes from outside has a bound, with its figure.

mod answers;
#[cfg(target_os = "linux")]
mod files;
mod lists;
#[cfg(target_os = "linux")]
mod many_sites;
mod page;
