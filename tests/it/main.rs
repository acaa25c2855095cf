//! The integration tests, one binary: a module per part, shared support in [`support`].

#![expect(
    clippy::unwrap_used,
    reason = "a test that finds nothing where something must be has failed"
)]
#![expect(unreachable_pub, reason = "modules share what they have as a library would")]

mod support;

mod agree;
mod alert;
mod alert_reach;
mod api;
mod audit;
mod bounds;
mod browser;
mod chargeback;
mod cli;
mod commands;
mod config;
mod daemon;
mod damage;
mod dashboard;
mod demo;
mod dependencies;
mod deploy;
mod destination_names;
mod disk;
mod documents;
mod email;
mod emptied;
mod endurance;
mod figures;
mod fuzz;
mod grafana;
mod history;
mod import;
mod influxdb;
mod init;
mod insight;
mod insight_cli;
mod largest;
mod leaks;
mod license;
mod login;
mod metrics;
mod missing;
mod mistaken;
mod mistakes;
mod monitor_app;
mod mqtt;
mod newcomer;
mod one;
mod one_broken;
mod other_site;
mod outbox;
mod output;
mod pages;
mod payloads;
mod planning;
mod poison;
mod probes;
mod qrs;
mod release;
mod release_cli;
mod release_events;
mod release_read;
mod release_simulate;
mod release_size;
mod reload;
mod renewal;
mod report;
mod report_owner;
mod report_reader;
mod report_says;
mod rooms;
mod seats;
mod sense_version;
mod server_years;
#[cfg(target_os = "linux")]
mod service;
mod shapes;
mod signs;
mod simulation;
mod simulator;
mod store_care;
mod stored;

mod tables;
mod templates;
mod threats;
mod webhook;
mod writes;
