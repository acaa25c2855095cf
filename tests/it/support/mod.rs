//! Real servers and helpers that several test modules share.

pub mod exim;
pub mod guarded;
pub mod influxd;
pub mod influxdb3;
pub mod mosquitto;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod releases;
pub mod setup;
pub mod store;
#[cfg(unix)]
pub mod terminal;
pub mod victoria;
pub mod years;
