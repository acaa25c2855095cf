//! Answering those beside the daemon: whether it lives, and that its settings are to be read again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How often it is looked whether somebody asks.
const LOOK: Duration = Duration::from_secs(1);

/// Answers until `stop`.
pub(super) async fn run(store: Store, reloads: Arc<Notify>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(LOOK) => {}
        }
        let wish = match store.wish().await {
            Ok(wish) => wish,
            Err(error) => {
                tracing::debug!(%error, "it can't be told whether somebody asks");
                continue;
            }
        };
        if wish.pinged > wish.answered
            && let Err(error) = store.answer_ping().await
        {
            tracing::debug!(%error, "who asks whether the daemon lives can't be answered");
        }
        if wish.asked > wish.done {
            reloads.notify_one();
        }
    }
}
