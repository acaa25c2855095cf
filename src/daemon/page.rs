//! The pages: served as soon as their address can be had, whatever else happens.

use std::net::SocketAddr;

use chrono::TimeDelta;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::running::Task;
use crate::config::settings::Web;
use crate::web::{Page, Source};

/// How soon an address that could not be had is tried again.
const AGAIN: TimeDelta = TimeDelta::seconds(30);

/// Where the pages are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    pub(super) address: SocketAddr,
    pub(super) scheme: &'static str,
}

impl std::fmt::Display for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}/", self.scheme, self.address)
    }
}

/// Serves the pages until `task` is told to end, by the settings in force. Where their address can't be had now, it is
/// tried again.
///
/// # Errors
/// Why they are not served yet.
pub(super) async fn start(
    shared: &Shared,
    web: &Web,
    task: &Task,
    all: &TaskTracker,
) -> Result<(), String> {
    let (shared, address, stop) = (shared.clone(), web.address, task.stop().clone());
    match bind(address, &shared).await {
        Ok((page, served)) => {
            tracing::info!("status page at {served}");
            shared.page.send_replace(Some(served));
            let settings = shared.settings.subscribe();
            task.spawn(all, page.serve_as(settings, stop));
            Ok(())
        }
        Err(error) => {
            shared.page.send_replace(None);
            let why = format!("{error:#}");
            tracing::warn!("the pages are not served yet: {error:#}; it is tried again every 30 s");
            task.spawn(all, async move {
                let clock = shared.clock;
                while clock.pass(AGAIN, &stop).await {
                    match bind(address, &shared).await {
                        Ok((page, served)) => {
                            tracing::info!("status page at {served}");
                            shared.page.send_replace(Some(served));
                            return page.serve_as(shared.settings.subscribe(), stop).await;
                        }
                        Err(error) => tracing::debug!("the pages are not served yet: {error:#}"),
                    }
                }
            });
            Err(why)
        }
    }
}

async fn bind(address: SocketAddr, shared: &Shared) -> anyhow::Result<(Page, Served)> {
    let source =
        Source { settings: shared.settings(), store: shared.store.clone(), clock: shared.clock };
    let page = Page::bind(address, source).await?.since(shared.since);
    let served = Served { address: page.address()?, scheme: page.scheme() };
    Ok((page, served))
}
