//! A Qlik Sense site in a process: the one fake in the project.
//!
//! It answers the part of the Repository Service's API that Bursar uses, over mutual TLS with
//! certificates shaped like Qlik's, from a [`Scenario`]. Tests, benches, `bursar demo` and
//! `bursar simulate` all use it. `docs/simulator.md` says which of its behaviour is known from
//! real servers and which is a guess with a switch.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use bursar::simulator::{Fault, Running, Scenario};
//!
//! let site = Running::start(Scenario::default(), ([127, 0, 0, 1], 0).into()).await?;
//! site.control().set_fault(Fault::Hang);
//! println!("https://{}/qrs/about", site.addr());
//! site.stop().await;
//! # Ok(())
//! # }
//! ```

mod access;
mod clock;
mod connection;
mod control;
mod fault;
pub mod filter;
mod generate;
mod keys;
mod license;
mod life;
mod lists;
mod monitor_app;
mod operations;
pub mod past;
mod people;
mod pki;
mod pools;
mod properties;
mod proxy;
mod rights;
mod routes;
mod rows;
mod scenario;
mod script_logs;
mod selections;
mod server;
mod site;
mod system_info;
mod table;
mod when;
mod wire;

pub use control::{Control, RequestLog};
pub use fault::{Fault, FaultRule};
pub use license::{Allotment, DateStyle, KeyDetails, LicenseKind, LicenseVariant, PerpetualStyle};
pub use monitor_app::{MonitorApp, ScriptError, ScriptLogApi};
pub use people::{Seat, SeatKind, User};
pub use pki::{Pki, PkiFiles, SHARED_SERVER_NAME};
pub use pools::{AvailableFormula, MinutePool, PoolSettings, SeatPool, Section, TokenPool};
pub use proxy::{Proxy, ProxySettings};
pub use rights::{Action, SecurityRule};
pub use routes::{FORBIDDEN_TEXT, MISSING_VALUE_TEXT, XSRF_TEXT};
pub use scenario::{
    ClockSettings, DeletedUser, LicenseRule, Population, PropertySpec, QuarantineFrom, Quirks,
    Scenario, SeatSpec, UserSpec,
};
pub use server::Running;
pub use when::{When, WhenError};
pub use wire::{NO_ID, NO_TIME, named_id};
