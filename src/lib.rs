//! Bursar watches the licenses of client-managed Qlik Sense sites.
//!
//! A fact moves one way:
//!
//! ```text
//! schedule -> monitor -> qrs (read) -> license (domain) -> event -> store (outbox) -> destination
//! ```
//!
//! | module | what lives there |
//! | --- | --- |
//! | [`cli`] | one file per command |
//! | [`config`] | the YAML file as written (Butler's tree) and the validated settings made of it |
//! | [`settings`] | how settings are read: the file as a tree with places, checks, problems |
//! | [`qrs`] | the Qlik Repository Service: transport, reading, filters, errors |
//! | [`license`] | the domain without I/O: licenses, pools, seats, people, sites |
//! | [`policy`] | the settings that decide about releases, and the reasons to stop a run |
//! | [`monitor`] | what is looked at on a schedule, and the events that come of it |
//! | [`event`] | the one vocabulary everything downstream speaks |
//! | [`insight`] | utilization, seasons, growth, forecast, cost: what the history says, without I/O |
//! | [`planning`] | loads the history that [`insight`] is asked about |
//! | [`alert`] | rules, when they fire, and what is told of it |
//! | [`gather`] | the facts that alert rules look at |
//! | [`release`] | releasing idle seats: rules, plan, guards, apply, undo |
//! | [`report`] | reports for auditors and owners of budgets, as HTML, Markdown, CSV and JSON |
//! | [`ledger`] | the audit trail of releases, hash-chained |
//! | [`destination`] | the destination trait, the registry, one folder per destination |
//! | [`store`] | the embedded SQL store: outbox, latest snapshots, history, migrations |
//! | [`import`] | taking over the history that Butler wrote |
//! | [`daemon`] | the supervisor: pollers, delivery workers, shutdown, service managers |
//! | [`plain`], [`words`], [`clock`], [`backoff`] | text from outside, numbers and times in words, time and waits |
//! | [`schedule`], [`secret`] | Butler's phrases and cron; text that is never printed |
//! | [`process`] | what the operating system says of this process |
//! | [`who`] | who runs this process, for the audit trail |
//! | [`credential`] | passwords and random secrets, of which only hashes are stored |
//! | [`terminal`] | standard output and standard error: colours, and nothing that steers them |
//! | [`output`], [`spreadsheet`] | files for people: private, whole, never through a link; tables without formulas |
//! | [`tls`] | certificates, keys and TLS settings from PEM files |
//! | [`simulator`] | a Qlik Sense site in a process, for the demo, the tests and the benches |

pub mod alert;
pub mod backoff;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credential;
pub mod daemon;
pub mod descriptors;
pub mod destination;
pub mod event;
mod form;
pub mod gather;
pub mod import;
pub mod input;
pub mod insight;
pub mod ledger;
pub mod license;
pub mod monitor;
pub mod output;
pub mod plain;
pub mod planning;
pub mod policy;
pub mod process;
pub mod qrs;
pub mod release;
pub mod report;
pub mod schedule;
mod schema;
pub mod secret;
pub mod settings;
pub mod simulator;
pub mod spreadsheet;
pub mod status;
pub mod store;
pub mod terminal;
pub mod tls;
pub mod web;
pub mod who;
pub mod words;
