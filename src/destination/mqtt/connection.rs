//! The lasting connection: made, kept, made again, and ended politely.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::complaints::{Complaints, News};
use super::failure::{Cause, Failure};
use super::flight::{InFlight, Sent};
use super::link::{Ack, Granted, Link, Message, Notice, Plan, Publisher, Step};
use super::turns::Turns;
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
/// How much of that a caller waits for.
const SHORT_REST: Duration = Duration::from_secs(1);
/// A connection that held this long was a good one: the next gap is short again.
const STABLE: Duration = Duration::from_secs(10);
/// How long saying goodbye may take, all in all.
/// The delivery worker waits for 2 seconds.
const GOODBYE: Duration = Duration::from_millis(1500);

/// A connection that is up.
pub(super) struct Up {
    publisher: Publisher,
    in_flight: Arc<InFlight>,
    pub(super) granted: Granted,
    /// Whoever finds the connection unusable cancels this to have it replaced.
    pub(super) abandon: CancellationToken,
    /// Cancelled when the connection is over and its failure known.
    pub(super) gone: CancellationToken,
}

impl Up {
    /// Hands a message over. Waits while the connection is behind.
    ///
    /// # Errors
    /// The connection is over, or the message can't be expressed.
    pub(super) async fn publish(&self, message: Message) -> Result<Notice, String> {
        self.in_flight.handed_over(&message);
        let handed = self.publisher.publish(message).await;
        if handed.is_err() {
            self.in_flight.taken_back();
        }
        handed
    }
}

/// What callers see of the connection.
#[derive(Clone, Default)]
struct State {
    up: Option<Arc<Up>>,
    /// Connections that failed or ended so far.
    ended: u64,
    last_failure: Option<Failure>,
    /// The broker let nobody in, and is asked again later, whoever wants the connection.
    resting: bool,
}

/// Keeps one connection to the broker.
pub(super) struct Connection {
    plan: Plan,
    /// `online` / `offline` go here; nowhere when that is off.
    status_topic: Option<String>,
    /// False while the broker lets this client in only without it.
    status_works: AtomicBool,
    /// It was acknowledged once: what goes wrong later has another reason.
    status_proved: AtomicBool,
    /// The log has said that the broker does not like it.
    status_told: AtomicBool,
    state: watch::Sender<State>,
    /// Somebody wants the connection now: don't wait out the gap.
    wanted: Notify,
    /// False once the broker said that it keeps no retained messages.
    retain: AtomicBool,
}

enum Ended {
    Failed(Lost),
    Stopped,
}

/// A connection that failed, or was never made.
struct Lost {
    failure: Failure,
    /// The broker had accepted it.
    accepted: bool,
    /// The oldest message that was not acknowledged.
    oldest: Option<Sent>,
}

impl Connection {
    pub(super) fn new(plan: Plan, status_topic: Option<String>) -> Self {
        Self {
            plan,
            status_topic,
            status_works: AtomicBool::new(true),
            status_proved: AtomicBool::new(false),
            status_told: AtomicBool::new(false),
            state: watch::Sender::new(State::default()),
            wanted: Notify::new(),
            retain: AtomicBool::new(true),
        }
    }

    /// The connection, once it is up. If it is down, one attempt is waited for.
    pub(super) async fn up(&self) -> Result<Arc<Up>, String> {
        let mut state = self.state.subscribe();
        let rested = state.wait_for(|now| now.up.is_some() || !now.resting);
        if timeout(SHORT_REST, rested).await.is_err() {
            return Err(self.why_down());
        }
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

    /// Returns when the connection is made again.
    pub(super) async fn back(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as this connection.
        if state.wait_for(|now| now.up.is_none()).await.is_ok() {
            let _ = state.wait_for(|now| now.up.is_some()).await;
        }
    }

    /// Why the connection is down, or was last.
    pub(super) fn why_down(&self) -> String {
        match &self.state.borrow().last_failure {
            Some(failure) => failure.what.clone(),
            None => format!("not connected to {} yet", self.plan.at()),
        }
    }

    /// How the last connection failed.
    pub(super) fn last_failure(&self) -> Option<Failure> {
        self.state.borrow().last_failure.clone()
    }

    /// Whether messages may be sent with the retain flag.
    pub(super) fn retain(&self) -> bool {
        self.retain.load(Ordering::Relaxed)
    }

    /// Connects, and connects again, until `stop`.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut failures_in_a_row = 0;
        let mut complaints = Complaints::default();
        let mut turns = Turns::default();
        while !stop.is_cancelled() {
            let started = Instant::now();
            let status = self.status_topic();
            let ended = self.once(status, complaints.news(), &stop).await;
            let Ended::Failed(lost) = ended else { break };
            let held = lost.accepted && started.elapsed() >= STABLE;
            if held && lost.failure.cause != Cause::TakenOver {
                failures_in_a_row = 0;
                complaints.held();
            }
            if self.is_the_status(&lost, status, held) {
                continue;
            }
            let accepted = lost.accepted;
            let failure = self.another_client(lost.failure, &mut turns);
            if failure.cause == Cause::NoRetain && self.retain.swap(false, Ordering::Relaxed) {
                // Connect at once, without what the broker can't do.
                warn!(broker = %self.plan.at(), "the MQTT broker keeps no retained messages: state topics are sent without the retain flag");
                continue;
            }
            let refused = failure.is_refusal() && !accepted;
            complaints.failed(&failure);
            if refused {
                self.rest(&stop, gap(failures_in_a_row, MAX_GAP_REFUSED)).await;
            } else {
                self.wait(&stop, gap(failures_in_a_row, MAX_GAP)).await;
            }
            failures_in_a_row += 1;
        }
    }

    /// Where the status goes on the next connection.
    fn status_topic(&self) -> Option<&str> {
        let topic = self.status_topic.as_deref();
        topic.filter(|_| self.status_works.load(Ordering::Relaxed))
    }

    /// Whether it was the status that the broker did not like: then it is left out, and the next
    /// connection is made at once. After one that held it is tried again.
    fn is_the_status(&self, lost: &Lost, status: Option<&str>, held: bool) -> bool {
        if held {
            self.status_works.store(true, Ordering::Relaxed);
            return false;
        }
        let Some(topic) = self.status_topic.as_deref() else { return false };
        let ours = |sent: &Sent| Some(sent.topic.as_str()) == status;
        let cause = lost.failure.cause;
        let disliked = cause.is_about_a_message() || cause == Cause::NotAuthorized;
        if lost.accepted && disliked && lost.oldest.as_ref().is_some_and(ours) {
            self.status_works.store(false, Ordering::Relaxed);
            // It is tried again after each connection that held, and most likely in vain.
            if self.status_told.swap(true, Ordering::Relaxed) {
                debug!(error = %lost.failure, topic, "the MQTT broker still refuses the status message");
                return true;
            }
            warn!(
                error = %lost.failure, topic,
                "the MQTT broker ends the connection for the status message, which is left out from now on: allow this client to publish there, write another mqttConfig.statusTopic, or leave it empty"
            );
            return true;
        }
        // Some brokers judge the last will before they let anybody in, and with the words of a wrong
        // password: every other try does without.
        let judged = matches!(cause, Cause::NotAuthorized | Cause::Closed);
        if !lost.accepted && judged && !self.status_proved.load(Ordering::Relaxed) {
            self.status_works.store(status.is_none(), Ordering::Relaxed);
        }
        false
    }

    /// The failure, with the other client named where there seems to be one.
    fn another_client(&self, failure: Failure, turns: &mut Turns) -> Failure {
        if failure.cause != Cause::Dropped {
            return failure;
        }
        let Some(times) = turns.ended() else { return failure };
        let at = self.plan.at();
        let failure = self.named(&format!(
            "{at} accepted the connection and ended it without a reason {times} times within 2 minutes"
        ));
        self.state.send_modify(|seen| seen.last_failure = Some(failure.clone()));
        failure
    }

    /// After a login that was refused: nobody shortens this.
    async fn rest(&self, stop: &CancellationToken, gap: Duration) {
        self.state.send_modify(|seen| seen.resting = true);
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(gap.max(MIN_GAP)) => {}
        }
        self.state.send_modify(|seen| seen.resting = false);
    }

    fn named(&self, what: &str) -> Failure {
        let id = &self.plan.client_id;
        Failure::new(Cause::TakenOver, format!("{what}: another client with this id ({id})?"))
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
    async fn once(&self, status: Option<&str>, news: News, stop: &CancellationToken) -> Ended {
        let mut plan = self.plan.clone();
        match (&mut plan.will, status) {
            (Some(will), Some(_)) => will.retain &= self.retain(),
            (will, _) => *will = None,
        }
        let Link { publisher, mut events, reached } = plan.open();
        let gone = CancellationToken::new();
        let in_flight = Arc::new(InFlight::default());
        let accepted = AtomicBool::new(false);
        let (connected, connack) = oneshot::channel();

        let drive = async {
            let mut connected = Some(connected);
            loop {
                match events.step().await {
                    Ok(Step::Connected(granted)) => {
                        accepted.store(true, Ordering::Relaxed);
                        if let Some(connected) = connected.take() {
                            let _ = connected.send(granted);
                        }
                    }
                    Ok(Step::Acknowledged) => in_flight.acknowledged(),
                    Ok(Step::Progress) => {}
                    Err(failure) => return Err(failure),
                }
            }
        };
        let control = async {
            let granted = tokio::select! {
                answer = timeout(plan.connect_timeout, connack) => match answer {
                    Ok(Ok(granted)) => granted,
                    _ => return Err(plan.timed_out(&reached)),
                },
                () = stop.cancelled() => return Ok(()),
            };
            if status.is_none() && self.status_topic.is_some() {
                debug!(broker = %plan.at(), "the MQTT broker lets this client in without its status topic");
            }
            if !granted.retain && self.retain.swap(false, Ordering::Relaxed) {
                warn!(broker = %plan.at(), "the MQTT broker keeps no retained messages: state topics are sent without the retain flag");
            }
            let up = Up {
                publisher,
                in_flight: in_flight.clone(),
                granted,
                abandon: CancellationToken::new(),
                gone: gone.clone(),
            };
            self.serve(Arc::new(up), status, news, stop).await
        };
        let ended: Result<(), Failure> = tokio::select! {
            // The event loop knows best why the connection ended.
            biased;
            ended = drive => if stop.is_cancelled() { Ok(()) } else { ended },
            ended = control => ended,
        };
        let ended = match ended {
            Ok(()) => Ended::Stopped,
            Err(failure) => {
                let (accepted, oldest) = (accepted.into_inner(), in_flight.oldest());
                let mut failure = match accepted {
                    true => failure.after_connack(&plan.at(), oldest.as_ref()),
                    false => failure,
                };
                if failure.cause == Cause::TakenOver {
                    failure = self.named(&failure.what);
                }
                Ended::Failed(Lost { failure, accepted, oldest })
            }
        };

        self.state.send_modify(|seen| {
            seen.up = None;
            seen.ended += 1;
            seen.last_failure = Some(match &ended {
                Ended::Failed(lost) => lost.failure.clone(),
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
        up: Arc<Up>,
        status: Option<&str>,
        news: News,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        // Handed over before anybody else can publish, so that it is the first message.
        let online = match status {
            Some(topic) => up.publish(self.status(topic, ONLINE)).await.ok(),
            None => None,
        };
        self.state.send_modify(|seen| seen.up = Some(up.clone()));
        let connected = || info!(broker = %self.plan.at(), "connected to the MQTT broker");
        if news == News::AtOnce {
            connected();
        }

        let announced = async {
            if let Some(notice) = online {
                match notice.ack().await {
                    Ack::Done => self.status_proved.store(true, Ordering::Relaxed),
                    Ack::Later(why) | Ack::Never(why) => {
                        warn!(topic = status, error = %why, "the MQTT broker refused the status message");
                    }
                    Ack::Lost => {}
                }
            }
            std::future::pending::<()>().await;
        };
        let held = async {
            sleep(STABLE).await;
            if news == News::WhenItHolds {
                connected();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = announced => {}
            () = held => {}
            () = stop.cancelled() => {}
            () = up.abandon.cancelled() => {
                let what = format!("{} did not acknowledge a message in time", self.plan.at());
                return Err(Failure::new(Cause::NoAck, what));
            }
        }

        self.state.send_modify(|seen| seen.up = None);
        let goodbye = async {
            if let Some(topic) = status
                && let Ok(notice) = up.publish(self.status(topic, OFFLINE)).await
            {
                notice.ack().await;
            }
            up.publisher.disconnect().await;
            // The event loop ends by itself once DISCONNECT is out.
            std::future::pending::<()>().await;
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            debug!(broker = %self.plan.at(), "the MQTT broker did not take leave in time");
        }
        Ok(())
    }

    fn status(&self, topic: &str, word: &str) -> Message {
        Message {
            topic: topic.to_owned(),
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
