//! The snapshot of a site that a plan is made of.

use std::future::poll_fn;
use std::task::Poll;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio_util::task::AbortOnDropHandle;

use super::plan::{self, Clocks, Snapshot, TypeSeats};
use crate::clock::Clock;
use crate::ledger::past::Past;
use crate::license::{Pools, SeatType};
use crate::policy::Policy;
use crate::qrs::{Client, Error, Patience, Reading};

/// Reads the seats of the enabled types (and of the others that matter), the pools, and the users
/// of exactly the seats in question at `now`. A type whose list can't be read is in the snapshot
/// with the reason; so is a user. `clock` is what the site's clock is compared with. Which other
/// sites share the license is left to the caller.
pub async fn snapshot(
    client: &Client,
    policy: &Policy,
    past: &Past,
    clock: &Clock,
    now: DateTime<Utc>,
    patience: Patience,
) -> Snapshot {
    let types = types(policy);
    let mut lists = Vec::with_capacity(types.len());
    for seat_type in types.iter().copied() {
        let client = client.clone();
        lists.push(begun(async move { client.seats(seat_type, patience).await }).await);
    }
    let (lists, pools) = tokio::join!(join_all(lists), client.pools(patience));
    if let Err(error) = &pools {
        tracing::warn!(site = client.site(), code = error.code(), error = %error, "the pools of access licenses can't be read");
    }
    let lists: Vec<_> =
        lists.into_iter().map(|list| list.expect("reading seats doesn't panic")).collect();
    let mut snapshot = Snapshot {
        clocks: lists.iter().find_map(|list| clocks(list.as_ref().ok()?, clock)),
        pools: pools.ok(),
        ..Snapshot::default()
    };
    for (seat_type, list) in types.into_iter().zip(lists) {
        let lacks = |pools| !Pools::has(pools, seat_type);
        if matches!(list, Err(Error::NotFound { .. })) && snapshot.pools.as_ref().is_some_and(lacks)
        {
            snapshot.absent.push(seat_type);
            snapshot.seats.push(TypeSeats { seat_type, list: Ok(Vec::new()) });
            continue;
        }
        let list = list.map(|reading| reading.value).map_err(|error| error.to_string());
        snapshot.seats.push(TypeSeats { seat_type, list });
    }
    let asked = user_access(policy, &snapshot);
    if let Some(seat_type) = asked {
        let list = client.seats(seat_type, patience).await;
        let list = list.map(|reading| reading.value).map_err(|error| error.to_string());
        snapshot.seats.push(TypeSeats { seat_type, list });
    }
    let now = snapshot.earlier(now);
    let people = plan::people_in_question(&snapshot, past, policy, now);
    if !people.is_empty() {
        snapshot.people = client.people(&people, patience).await;
    }
    snapshot
}

/// A list that is asked for at once, before anything else takes its place among the requests: all others
/// wait for the lists. Then it is a task of its own, so that one is parsed while another comes.
async fn begun<T: Send + 'static>(
    list: impl Future<Output = T> + Send + 'static,
) -> AbortOnDropHandle<T> {
    let mut list = Box::pin(list);
    let first = poll_fn(|context| Poll::Ready(list.as_mut().poll(context))).await;
    AbortOnDropHandle::new(tokio::spawn(async move {
        match first {
            Poll::Ready(value) => value,
            Poll::Pending => list.await,
        }
    }))
}

/// User access, where people are judged by all their seats and the site has tokens, or doesn't say:
/// few sites do, and the others are spared the question.
fn user_access(policy: &Policy, snapshot: &Snapshot) -> Option<SeatType> {
    let user = SeatType::User;
    let has = snapshot.pools.as_ref().is_none_or(|pools| pools.has(user));
    let asked = snapshot.seats.iter().any(|seats| seats.seat_type == user);
    (policy.judge_per_user && !policy.types.is_empty() && has && !asked).then_some(user)
}

/// The enabled types. Where people are judged by all their seats, an enabled Professional wants to
/// know of Analyzer, too, and the other way round, and User of both.
fn types(policy: &Policy) -> Vec<SeatType> {
    let enabled = |seat_type| policy.rule(seat_type).is_some();
    let both = policy.judge_per_user && SeatType::ALL.into_iter().any(enabled);
    let wanted = |seat_type: &SeatType| enabled(*seat_type) || (both && seat_type.is_counted());
    SeatType::ALL.into_iter().filter(wanted).collect()
}

/// The site's clock when it answered, and ours at that moment.
pub(super) fn clocks<T>(reading: &Reading<T>, clock: &Clock) -> Option<Clocks> {
    let since = chrono::Duration::from_std(reading.answered.elapsed()).ok()?;
    Some(Clocks { site: reading.server_date?, here: clock.now() - since })
}
