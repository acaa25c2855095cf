//! `bursar alert test`: a message that says it is a test, through the real destinations.

use std::sync::Arc;
use std::time::{Duration, Instant as Began};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::super::release::who;
use super::super::text::{self, Paint};
use super::{ConfigFile, Exit, block_on, named, parse_rule};
use crate::alert::{Policy, catalogue, notice};
use crate::config::{Settings, takers};
use crate::destination::http::shorten;
use crate::destination::{Destination, Outcome, registry};
use crate::event::{AlertStatus, Body, Channel, DAEMON, Event, Queue, Rule};

/// Send a test message to those who get alerts, and wait until it is acknowledged
///
/// Nothing is wrong when it comes, and it says so: `[TEST]` in the subject of a mail, a tag in InfluxDB, a
/// key `test` in JSON and in templates. The store is neither needed nor changed. Exit code 1 when a
/// destination didn't acknowledge it, or nobody gets such alerts.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar alert test -c bursar.yaml\n  bursar alert test -c bursar.yaml --rule seatsLow\n  bursar alert test -c bursar.yaml --destination email --json"
)]
pub(crate) struct Test {
    #[command(flatten)]
    config: ConfigFile,
    /// As an alert of this rule: only to those who get its alerts
    #[arg(long, value_parser = parse_rule)]
    rule: Option<Rule>,
    /// Only to this destination: influxdb, mqtt, email, webhook, a name that bursar outbox list shows, or its
    /// description in the settings
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Seconds to wait for each acknowledgement
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What became of the message at a destination.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    destination: String,
    title: String,
    /// As an alert of which site and rule; absent when no such alert goes there.
    site: Option<String>,
    rule: Option<Rule>,
    acknowledged: bool,
    took_ms: Option<u64>,
    /// Why not; empty when it was.
    why: String,
}

/// A destination, and an alert that goes there.
struct Target<'a> {
    queue: &'a Queue,
    alert: Option<(&'a str, Rule)>,
}

impl Test {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match super::super::load(&self.config.file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        let addressing = settings.addressing();
        let wanted = |queue: &&Queue| self.destination.as_ref().is_none_or(|name| is(queue, name));
        let queues: Vec<&Queue> = addressing.queues().iter().filter(wanted).collect();
        if let (Some(name), []) = (&self.destination, queues.as_slice()) {
            let queues = addressing.queues().iter();
            let mut known: Vec<&str> =
                queues.flat_map(|queue| [queue.id.as_str(), queue.called()[1]]).collect();
            known.dedup();
            errln!("bursar: {}", named::unknown("destination", name, &known));
            return Ok(Exit::Unusable);
        }
        let routes = routes(&settings, self.rule);
        let alert_of = |queue: &Queue| {
            let goes_there = |(site, rule, policy): &&(&str, Rule, &Policy)| {
                takers(&addressing, site, *rule, policy).iter().any(|taker| taker.id == queue.id)
            };
            routes.iter().find(goes_there).map(|(site, rule, _)| (*site, *rule))
        };
        let mut targets: Vec<Target<'_>> =
            queues.iter().map(|queue| Target { queue, alert: alert_of(queue) }).collect();
        // A word may name several; one that gets none is told of only where no other does.
        if self.destination.is_none() || targets.iter().any(|target| target.alert.is_some()) {
            targets.retain(|target| target.alert.is_some());
        }
        if targets.is_empty() {
            let fix = settings.unheard_alerts().into_iter().next().map(|unheard| unheard.fix);
            let of = self.rule.map_or(String::new(), |rule| format!(" of {rule}"));
            errln!("bursar: no destination gets alerts{of}; {}", fix.unwrap_or_default());
            if self.json {
                crate::terminal::print_json(&Vec::<Sent>::new())?;
            }
            return Ok(Exit::Failed);
        }
        let limit = Duration::from_secs(self.timeout);
        let sent = block_on(send_all(&settings, &targets, limit))?;
        if self.json {
            crate::terminal::print_json(&sent)?;
        } else {
            let paint = Paint::for_stdout();
            let rows: Vec<_> = sent.iter().map(|one| row(one, paint)).collect();
            out!("{}", text::columns(&rows));
        }
        Ok(if sent.iter().all(|one| one.acknowledged) { Exit::Ok } else { Exit::Failed })
    }
}

fn is(queue: &Queue, name: &str) -> bool {
    let channel: Channel = queue.channel;
    [queue.id.as_str(), channel.as_str(), channel.key()]
        .into_iter()
        .chain(queue.called())
        .any(|known| known.eq_ignore_ascii_case(name.trim()))
}

/// Alerts that may be told of: each watched rule (or one of them) of each site and of the daemon.
fn routes(settings: &Settings, rule: Option<Rule>) -> Vec<(&str, Rule, &Policy)> {
    let sites = settings.sites.iter().map(|site| (site.name.as_str(), &site.alert));
    let all = sites.chain([(DAEMON, &settings.alert)]).flat_map(|(site, policy)| {
        catalogue::ALL.iter().map(move |entry| (site, entry.rule, policy))
    });
    let wanted = |(site, of, policy): &(&str, Rule, &Policy)| {
        rule.is_none_or(|rule| rule == *of)
            && policy.watches(*of)
            && catalogue::is_of_daemon(*of) == (*site == DAEMON)
    };
    all.filter(wanted).collect()
}

async fn send_all(settings: &Settings, targets: &[Target<'_>], limit: Duration) -> Vec<Sent> {
    let destinations =
        registry::build(&settings.destinations.beside_a_daemon(), &settings.surroundings());
    let by = who();
    let each = targets.iter().map(async |target| {
        let destination = destinations.iter().find(|known| known.id() == target.queue.id);
        let mut sent = Sent {
            destination: target.queue.id.clone(),
            title: target.queue.title.clone(),
            site: target.alert.map(|(site, _)| site.to_owned()),
            rule: target.alert.map(|(_, rule)| rule),
            acknowledged: false,
            took_ms: None,
            why: String::new(),
        };
        let (Some((site, rule)), Some(destination)) = (target.alert, destination) else {
            "no such alert goes there by the settings (Butler.alert.destination, and destinations \
             of the rule)"
                .clone_into(&mut sent.why);
            return sent;
        };
        sent.title = destination.title();
        let began = Began::now();
        match send(destination, site, rule, &by, limit).await {
            Ok(()) => {
                sent.acknowledged = true;
                sent.took_ms = Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
            }
            Err(why) => sent.why = shorten(&why, 1000),
        }
        sent
    });
    futures_util::future::join_all(each).await
}

/// What opens something at the receiver gets its end as well.
async fn send(
    destination: &Arc<dyn Destination>,
    site: &str,
    rule: Rule,
    by: &str,
    limit: Duration,
) -> Result<(), String> {
    let stop = CancellationToken::new();
    let background = {
        let (destination, stop) = (destination.clone(), stop.clone());
        AbortOnDropHandle::new(tokio::spawn(async move { destination.run(stop).await }))
    };
    let deadline = Instant::now() + limit;
    let opens = destination.id().starts_with(Channel::Webhook.as_str());
    let now = Utc::now();
    let mut result = deliver(destination, &message(site, rule, by, now, None), deadline).await;
    if opens && result.is_ok() {
        let end = message(site, rule, by, now, Some(Utc::now()));
        let over = deliver(destination, &end, deadline).await;
        result = over.map_err(|why| format!("its begin was acknowledged, its end not: {why}"));
    }
    stop.cancel();
    // It has said what became of the message.
    let _ = tokio::time::timeout(Duration::from_secs(2), background).await;
    result
}

fn message(
    site: &str,
    rule: Rule,
    by: &str,
    now: DateTime<Utc>,
    over: Option<DateTime<Utc>>,
) -> Event {
    let status = if over.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing };
    Event::new(site, over.unwrap_or(now), Body::Alert(notice::test(site, rule, by, now, status)))
}

async fn deliver(
    destination: &Arc<dyn Destination>,
    event: &Event,
    deadline: Instant,
) -> Result<(), String> {
    let mut why = "it did not answer in time".to_owned();
    loop {
        let outcomes = timeout_at(deadline, destination.deliver(std::slice::from_ref(event))).await;
        let Ok(outcomes) = outcomes else { return Err(why) };
        let pause = match outcomes.into_iter().next() {
            Some(Outcome::Done) => return Ok(()),
            Some(Outcome::Refused { why }) => return Err(why),
            Some(Outcome::Retry { after, why: said }) => {
                why = said;
                after.unwrap_or(Duration::from_secs(1))
            }
            None => Duration::from_secs(1),
        };
        if timeout_at(deadline, sleep(pause)).await.is_err() {
            return Err(why);
        }
    }
}

fn row(sent: &Sent, paint: Paint) -> Vec<String> {
    let alert = match (&sent.site, sent.rule) {
        (Some(site), Some(rule)) => format!("{rule} of {site}"),
        _ => String::new(),
    };
    let (state, found) = if sent.acknowledged {
        let took = sent.took_ms.map_or(String::new(), |ms| format!(" after {ms} ms"));
        (paint.good("ok"), format!("acknowledged{took}"))
    } else {
        (paint.bad("fail"), sent.why.clone())
    };
    vec![state, sent.destination.clone(), alert, format!("{}: {found}", sent.title)]
}
