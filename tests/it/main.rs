//! The integration tests, one binary: a module per part, shared support in [`support`].

mod support;

mod cli;
mod config;
mod daemon;
mod dashboard;
mod dependencies;
mod influxdb;
mod mqtt;
mod outbox;
mod qrs;
mod simulator;
mod webhook;
