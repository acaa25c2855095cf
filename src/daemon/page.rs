//! The pages: served as soon as their address can be had, whatever else happens.

use std::net::SocketAddr;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Shared;
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

/// Serves the pages until `stop`. `None` where their address can't be had now: it is tried again.
pub(super) async fn start(
    shared: &Shared,
    web: &Web,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Option<Served> {
    let source = Source {
        settings: shared.settings.clone(),
        store: shared.store.clone(),
        clock: shared.clock,
    };
    let (clock, address, stop) = (shared.clock, web.address, stop.clone());
    match bind(address, source.clone()).await {
        Ok((page, served)) => {
            tasks.spawn(page.serve(stop));
            Some(served)
        }
        Err(error) => {
            tracing::warn!("the pages are not served yet: {error:#}; it is tried again every 30 s");
            tasks.spawn(async move {
                while clock.sleep_until(clock.now() + AGAIN, &stop).await {
                    match bind(address, source.clone()).await {
                        Ok((page, served)) => {
                            tracing::info!("status page at {served}");
                            return page.serve(stop).await;
                        }
                        Err(error) => tracing::debug!("the pages are not served yet: {error:#}"),
                    }
                }
            });
            None
        }
    }
}

async fn bind(address: SocketAddr, source: Source) -> anyhow::Result<(Page, Served)> {
    let page = Page::bind(address, source).await?;
    let served = Served { address: page.address()?, scheme: page.scheme() };
    Ok((page, served))
}
