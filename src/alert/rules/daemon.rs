//! Rules of the daemon itself: queues, certificates, settings.

use chrono::{DateTime, TimeDelta, Utc};

use super::{condition, days, known, level_of, severity_of_days, step_of};
use crate::alert::facts::{CertificateFacts, DaemonFacts, QueueFacts};
use crate::alert::policy::Limits;
use crate::alert::{Condition, Judged};
use crate::event::Rule;
use crate::plain::one_line;

/// A loss is told of for so long after the last one.
const DROPPED_FOR: TimeDelta = TimeDelta::hours(24);

pub(super) fn judge(facts: &DaemonFacts, limits: &Limits) -> Vec<Judged> {
    let now = facts.now;
    vec![
        known(Rule::QueueGrowing, &facts.queues, |queues| {
            queues.iter().map(|queue| growing(queue, now, limits)).collect()
        }),
        known(Rule::QueueDropped, &facts.queues, |queues| {
            queues.iter().filter_map(|queue| dropped(queue, now)).collect()
        }),
        known(Rule::DeadLetters, &facts.queues, |queues| {
            queues.iter().map(|queue| dead(queue, now)).collect()
        }),
        known(Rule::CertificateExpiring, &facts.certificates, |all| {
            all.iter().map(|one| certificate(one, now, limits)).collect()
        }),
        known(Rule::ReloadRefused, &facts.settings, |settings| {
            let file = settings.file.display().to_string();
            let text = match settings.errors {
                0 => format!("{file} is in force"),
                errors => format!(
                    "{file} was changed and has {errors} error(s), the first: {}; the daemon goes \
                     on with the settings of before",
                    one_line(&settings.first)
                ),
            };
            let rule = Rule::ReloadRefused;
            let hint = "bursar check names all of them; once the file can be used it is in force by itself";
            vec![
                condition(rule, file, now, "Changed settings can't be used", text, hint)
                    .with("errors", settings.errors)
                    .with("first", settings.first.as_str())
                    .level(level_of(settings.errors > 0, false)),
            ]
        }),
        known(Rule::StoreBegunAnew, &facts.store, |store| {
            let file = store.file.display().to_string();
            let begun = store.begun_anew.clone();
            let (text, hint) =
                begun.unwrap_or_else(|| (format!("releases go on with {file}"), String::new()));
            let rule = Rule::StoreBegunAnew;
            let (text, hint) = (one_line(&text), one_line(&hint));
            vec![
                condition(rule, file, now, "The store began anew", text, hint)
                    .level(level_of(store.begun_anew.is_some(), false)),
            ]
        }),
    ]
}

/// Goes on while the oldest event is half as old as the limit, or nine tenths of the events wait: a
/// destination that takes one event now and then isn't back.
fn growing(queue: &QueueFacts, now: DateTime<Utc>, limits: &Limits) -> Condition {
    let rule = Rule::QueueGrowing;
    let age = queue.oldest.map(|oldest| (now - oldest).num_minutes());
    let older = |minutes: i64| age.is_some_and(|age| age >= minutes.max(1));
    let old = queue.failing && older(limits.queue_minutes);
    let many = queue.pending >= limits.queue_events;
    let nearly_as_many = limits.queue_events.saturating_mul(9).div_ceil(10);
    let lingers = older(limits.queue_minutes / 2) || queue.pending >= nearly_as_many.max(1);
    let mut text = format!("{} event(s) wait for {}", queue.pending, queue.title);
    if let Some(age) = age {
        text.push_str(&format!(", the oldest for {}", minutes(age)));
    }
    if let Some(error) = &queue.last_error {
        text.push_str(&format!("; last error: {}", one_line(error)));
    }
    let hint = "nothing is lost until the outbox's limits; bursar check tries the destination, \
                bursar outbox list shows what waits";
    let title = format!("Deliveries to {} fail", queue.title);
    condition(rule, queue.destination.as_str(), now, title, text, hint)
        .with("waiting", queue.pending)
        .with("oldestMinutes", age)
        .with("error", queue.last_error.clone())
        .level(level_of(old || many, lingers))
}

fn minutes(count: i64) -> String {
    match count {
        1 => "1 minute".to_owned(),
        ..120 => format!("{count} minutes"),
        _ => format!("{} hours", count / 60),
    }
}

fn dropped(queue: &QueueFacts, now: DateTime<Utc>) -> Option<Condition> {
    let rule = Rule::QueueDropped;
    let at = queue.dropped_at.filter(|at| now - *at < DROPPED_FOR)?;
    let text = format!(
        "{} event(s) for {} were dropped undelivered so far, the last {}",
        queue.dropped,
        queue.title,
        at.format("%Y-%m-%d %H:%M UTC")
    );
    let hint = "bring the destination back, or raise Butler.storage.outbox";
    let title = format!("Events for {} were lost", queue.title);
    Some(
        condition(rule, queue.destination.as_str(), at, title, text, hint)
            .with("dropped", queue.dropped),
    )
}

fn dead(queue: &QueueFacts, now: DateTime<Utc>) -> Condition {
    let rule = Rule::DeadLetters;
    let mut text = format!("{} does not take {} event(s)", queue.title, queue.dead);
    if let Some(why) = &queue.newest_dead {
        text.push_str(&format!("; the newest: {}", one_line(why)));
    }
    let hint = "bursar outbox list --refused shows them, bursar outbox retry sends them again, \
                bursar outbox drop gives them up";
    let title = format!("Events for {} can't be delivered", queue.title);
    condition(rule, queue.destination.as_str(), now, title, text, hint)
        .with("deadLetters", queue.dead)
        .with("error", queue.newest_dead.clone())
        .level(level_of(queue.dead > 0, false))
}

fn certificate(one: &CertificateFacts, now: DateTime<Utc>, limits: &Limits) -> Condition {
    let rule = Rule::CertificateExpiring;
    let (file, end) = (one.file.display().to_string(), one.not_after.format("%Y-%m-%d"));
    let (title, text) = if one.days_left < 0 {
        ("A certificate has ended".to_owned(), format!("{file} ended on {end}"))
    } else {
        let left = days(one.days_left);
        (format!("A certificate ends in {left}"), format!("{file} ends in {left}, on {end}"))
    };
    let text = format!("{text} ({})", one.setting);
    let hint = "have a new one made; for a site, export it from the Qlik Management Console";
    let told = condition(rule, one.setting.as_str(), now, title, text, hint)
        .with("file", file)
        .with("daysLeft", one.days_left)
        .with("notAfter", one.not_after.to_rfc3339())
        .severity(severity_of_days(one.days_left));
    match step_of(one.days_left, &limits.certificate_steps) {
        Some(step) => told.step(step, &limits.certificate_steps),
        None => told.well(),
    }
}
