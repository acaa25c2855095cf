//! For `bursar check`: connects with an id of its own and publishes one message that nobody keeps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::failure::{Cause, Failure};
use super::flight::Sent;
use super::link::{Ack, Granted, Link, Message, Plan, Step};
use super::version;
use crate::destination::mqtt::settings::MqttProtocol;
use crate::destination::{Probe, ProbeFailure};

const TEST_MESSAGE: &[u8] = b"bursar check";

pub(super) async fn probe(
    plan: &Plan,
    above: &str,
    ack_timeout: Duration,
    unverified: bool,
) -> Result<Probe, ProbeFailure> {
    let mut plan = plan.clone();
    // The daemon may be connected at the same time: its session must not be taken over.
    plan.client_id = format!("{}-check", plan.client_id);
    plan.will = None;
    let topic = format!("{above}/check");
    let granted = publish_once(&plan, &topic, ack_timeout).await.map_err(|failure| {
        ProbeFailure { what: failure.what.clone(), fix: failure.fix().to_owned() }
    })?;

    let mut warnings = Vec::new();
    if plan.protocol == MqttProtocol::V311 {
        warnings.push(
            "MQTT 3.1.1 does not tell whether the broker's access rules let a message through; MQTT 5 does".to_owned(),
        );
    }
    if !granted.retain {
        warnings.push("the broker keeps no retained messages: late subscribers see the state at the next poll only".to_owned());
    }
    if unverified {
        warnings.push(
            "rejectUnauthorized is false: the broker's certificate is not verified".to_owned(),
        );
    }
    if plan.tls.is_none() && plan.auth.as_ref().is_some_and(|auth| auth.password.is_some()) {
        warnings.push("the password is sent without TLS".to_owned());
    }
    Ok(Probe {
        found: format!(
            "{} broker at {}, test message on {topic} acknowledged",
            version(plan.protocol),
            plan.at()
        ),
        warnings,
    })
}

async fn publish_once(plan: &Plan, topic: &str, ack_timeout: Duration) -> Result<Granted, Failure> {
    let Link { publisher, mut events, reached } = plan.open();
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
                Ok(Step::Acknowledged | Step::Progress) => {}
                Err(failure) => return failure,
            }
        }
    };
    let accepted = AtomicBool::new(false);
    let control = async {
        let Ok(Ok(granted)) = timeout(plan.connect_timeout, connack).await else {
            return Err(plan.timed_out(&reached));
        };
        accepted.store(true, Ordering::Relaxed);
        let message =
            Message { topic: topic.to_owned(), payload: TEST_MESSAGE.to_vec(), retain: false };
        let refused = |why: &str| {
            Failure::new(
                Cause::NotAuthorized,
                format!("{} refused a message on {topic}: {why}", plan.at()),
            )
        };
        let notice = publisher.publish(message).await.map_err(|why| refused(&why))?;
        match timeout(ack_timeout, notice.ack()).await {
            Ok(Ack::Done) => Ok(granted),
            Ok(Ack::Later(why) | Ack::Never(why)) => Err(refused(&why)),
            Ok(Ack::Lost) => {
                Err(Failure::new(Cause::Closed, format!("{} closed the connection", plan.at())))
            }
            Err(_) => Err(Failure::new(
                Cause::NoAck,
                format!("{} did not acknowledge the test message in time", plan.at()),
            )),
        }
    };
    tokio::pin!(drive);
    let granted = tokio::select! {
        // The event loop knows best why the connection ended.
        biased;
        failure = &mut drive => {
            // All that was sent since then is the test message.
            let sent = Sent { topic: topic.to_owned(), bytes: TEST_MESSAGE.len() };
            return Err(match accepted.load(Ordering::Relaxed) {
                true => failure.after_connack(&plan.at(), Some(&sent)),
                false => failure,
            });
        }
        granted = control => granted?,
    };
    // Take leave; the answer is known, so a broker that doesn't let go changes nothing.
    let _ = timeout(Duration::from_secs(1), async {
        publisher.disconnect().await;
        (&mut drive).await
    })
    .await;
    Ok(granted)
}
