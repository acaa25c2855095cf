//! The lasting connection: made, kept, made again, and ended politely.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::failure::{Cause, Failure};
use super::link::{Ack, Granted, Link, Message, Plan, Publisher, Step};
use crate::backoff::Backoff;

/// What the status topic says while Bursar is connected.
pub(super) const ONLINE: &str = "online";
/// What it says otherwise.
pub(super) const OFFLINE: &str = "offline";

/// Attempts to connect are at least this far apart, whoever asks for them.
const MIN_GAP: Duration = Duration::from_millis(100);
/// And at most this far.
const MAX_GAP: Duration = Duration::from_secs(30);
/// Or this far, when the broker answers and wants somebody to change something first: brokers count
/// wrong passwords and lock out who sends too many.
const MAX_GAP_REFUSED: Duration = Duration::from_secs(300);
/// A connection that held this long was a good one: the next gap is short again.
const STABLE: Duration = Duration::from_secs(10);
/// How long saying goodbye may take, all in all.
/// The delivery worker waits for 2 seconds.
const GOODBYE: Duration = Duration::from_millis(1500);

/// A connection that is up.
pub(super) struct Up {
    pub(super) publisher: Publisher,
    pub(super) granted: Granted,
    /// Whoever finds the connection unusable cancels this to have it replaced.
    pub(super) abandon: CancellationToken,
    /// Cancelled when the connection is over and its failure known.
    pub(super) gone: CancellationToken,
}

/// What callers see of the connection.
#[derive(Clone, Default)]
struct State {
    up: Option<Arc<Up>>,
    /// Connections that failed or ended so far.
    ended: u64,
    last_failure: Option<Failure>,
}

/// Keeps one connection to the broker.
pub(super) struct Connection {
    plan: Plan,
    /// `online` / `offline` go here.
    status_topic: String,
    state: watch::Sender<State>,
    /// Somebody wants the connection now: don't wait out the gap.
    wanted: Notify,
    /// False once the broker said that it keeps no retained messages.
    retain: AtomicBool,
}

enum Ended {
    Failed(Failure),
    Stopped,
}

impl Connection {
    pub(super) fn new(plan: Plan, status_topic: String) -> Self {
        Self {
            plan,
            status_topic,
            state: watch::Sender::new(State::default()),
            wanted: Notify::new(),
            retain: AtomicBool::new(true),
        }
    }

    /// The connection, once it is up. If it is down, one attempt is waited for.
    pub(super) async fn up(&self) -> Result<Arc<Up>, String> {
        let mut state = self.state.subscribe();
        let ended_before = {
            let now = state.borrow_and_update();
            if let Some(up) = &now.up {
                return Ok(up.clone());
            }
            now.ended
        };
        self.wanted.notify_one();
        let patience = self.plan.connect_timeout + MIN_GAP + Duration::from_secs(1);
        let settled =
            timeout(patience, state.wait_for(|s| s.up.is_some() || s.ended > ended_before));
        if let Ok(Ok(now)) = settled.await
            && let Some(up) = &now.up
        {
            return Ok(up.clone());
        }
        Err(self.why_down())
    }

    /// Why the connection is down, or was last.
    pub(super) fn why_down(&self) -> String {
        match &self.state.borrow().last_failure {
            Some(failure) => failure.what.clone(),
            None => format!("not connected to {} yet", self.plan.at()),
        }
    }

    /// Whether messages may be sent with the retain flag.
    pub(super) fn retain(&self) -> bool {
        self.retain.load(Ordering::Relaxed)
    }

    /// Connects, and connects again, until `stop`.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut failures_in_a_row = 0;
        let mut complained_of = None;
        while !stop.is_cancelled() {
            let started = Instant::now();
            let Ended::Failed(failure) = self.once(&stop).await else { break };
            if started.elapsed() >= STABLE {
                failures_in_a_row = 0;
                complained_of = None;
            }
            if failure.cause == Cause::NoRetain && self.retain.swap(false, Ordering::Relaxed) {
                // Connect at once, without what the broker can't do.
                warn!(broker = %self.plan.at(), "the MQTT broker keeps no retained messages: state topics are sent without the retain flag");
                continue;
            }
            let limit = if failure.is_refusal() { MAX_GAP_REFUSED } else { MAX_GAP };
            // An outage is one line, not one per attempt.
            if complained_of.as_ref() == Some(&failure) {
                debug!(error = %failure, "still no connection to the MQTT broker");
            } else {
                warn!(error = %failure, "no connection to the MQTT broker, trying again: {}", failure.fix());
                complained_of = Some(failure);
            }
            self.wait(&stop, gap(failures_in_a_row, limit)).await;
            failures_in_a_row += 1;
        }
    }

    async fn wait(&self, stop: &CancellationToken, gap: Duration) {
        let wanted = async {
            sleep(MIN_GAP).await;
            self.wanted.notified().await;
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(gap.max(MIN_GAP)) => {}
            () = wanted => {}
        }
    }

    /// One connection from start to end.
    async fn once(&self, stop: &CancellationToken) -> Ended {
        let mut plan = self.plan.clone();
        if let Some(will) = &mut plan.will {
            will.retain &= self.retain();
        }
        let Link { publisher, mut events, reached } = plan.open();
        let gone = CancellationToken::new();
        let (connected, connack) = oneshot::channel();

        let drive = async {
            let mut connected = Some(connected);
            loop {
                match events.step().await {
                    Ok(Step::Connected(granted)) => {
                        if let Some(connected) = connected.take() {
                            let _ = connected.send(granted);
                        }
                    }
                    Ok(Step::Progress) => {}
                    Err(failure) => return Ended::Failed(failure),
                }
            }
        };
        let control = async {
            let granted = tokio::select! {
                answer = timeout(plan.connect_timeout, connack) => match answer {
                    Ok(Ok(granted)) => granted,
                    _ => return Ended::Failed(plan.timed_out(&reached)),
                },
                () = stop.cancelled() => return Ended::Stopped,
            };
            if !granted.retain && self.retain.swap(false, Ordering::Relaxed) {
                warn!(broker = %plan.at(), "the MQTT broker keeps no retained messages: state topics are sent without the retain flag");
            }
            self.serve(publisher, granted, &gone, stop).await
        };
        let ended = tokio::select! {
            // The event loop knows best why the connection ended.
            biased;
            ended = drive => if stop.is_cancelled() { Ended::Stopped } else { ended },
            ended = control => ended,
        };

        self.state.send_modify(|seen| {
            seen.up = None;
            seen.ended += 1;
            seen.last_failure = Some(match &ended {
                Ended::Failed(failure) => failure.clone(),
                Ended::Stopped => Failure::new(
                    Cause::Other,
                    format!("the connection to {} was shut down", plan.at()),
                ),
            });
        });
        gone.cancel();
        ended
    }

    /// From CONNACK on: says `online`, lets callers publish, says `offline` when told to stop.
    async fn serve(
        &self,
        publisher: Publisher,
        granted: Granted,
        gone: &CancellationToken,
        stop: &CancellationToken,
    ) -> Ended {
        let up = Arc::new(Up {
            publisher,
            granted,
            abandon: CancellationToken::new(),
            gone: gone.clone(),
        });
        // Handed over before anybody else can publish, so that it is the first message.
        let online = up.publisher.publish(self.status(ONLINE)).await;
        self.state.send_modify(|seen| seen.up = Some(up.clone()));
        info!(broker = %self.plan.at(), "connected to the MQTT broker");

        let announced = async {
            if let Ok(notice) = online
                && let Ack::Later(why) | Ack::Never(why) = notice.ack().await
            {
                warn!(topic = %self.status_topic, error = %why, "the MQTT broker refused the status message");
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = announced => {}
            () = stop.cancelled() => {}
            () = up.abandon.cancelled() => {
                let what = format!("{} did not acknowledge a message in time", self.plan.at());
                return Ended::Failed(Failure::new(Cause::NoAck, what));
            }
        }

        self.state.send_modify(|seen| seen.up = None);
        let goodbye = async {
            if let Ok(notice) = up.publisher.publish(self.status(OFFLINE)).await {
                notice.ack().await;
            }
            up.publisher.disconnect().await;
            // The event loop ends by itself once DISCONNECT is out.
            std::future::pending::<()>().await;
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            debug!(broker = %self.plan.at(), "the MQTT broker did not take leave in time");
        }
        Ended::Stopped
    }

    fn status(&self, word: &str) -> Message {
        Message {
            topic: self.status_topic.clone(),
            payload: word.as_bytes().to_vec(),
            retain: self.retain(),
        }
    }
}

/// How long to wait after so many failures in a row, so that many clients don't return to a
/// restarted broker in step.
fn gap(failures_in_a_row: u32, limit: Duration) -> Duration {
    let pace = Backoff { first: Duration::from_millis(250), cap: limit };
    pace.delay(failures_in_a_row, &mut fastrand::Rng::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_but_stay_below_the_limit() {
        for failures in [0, 1, 5, 40, u32::MAX] {
            assert!(gap(failures, MAX_GAP) <= MAX_GAP);
        }
        let longest = (0..200).map(|_| gap(20, MAX_GAP)).max().unwrap();
        assert!(longest > Duration::from_secs(5), "{longest:?}");
    }
}
