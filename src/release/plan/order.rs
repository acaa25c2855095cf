//! Who goes first, and how many go.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{Decision, Keep, Outcome};
use crate::license::Seat;
use crate::policy::TypeRule;

/// In the order of accounts, those without a user last.
///
/// Most comparisons are of one number each: the place of the directory, and the beginning of the
/// user's id.
pub(super) fn by_account(seats: Vec<(&Seat, bool)>) -> Vec<(&Seat, bool)> {
    let directories: BTreeSet<_> =
        seats.iter().filter_map(|(seat, _)| Some(&*seat.holder.as_ref()?.directory)).collect();
    let places: HashMap<_, _> = directories.into_iter().zip(0_u32..).collect();
    let key = |seat: &Seat| {
        let Some(holder) = &seat.holder else { return u128::MAX };
        let mut key = [0; 16];
        key[..4].copy_from_slice(&places[&*holder.directory].to_be_bytes());
        for (to, from) in key[4..].iter_mut().zip(holder.user_id.bytes()) {
            *to = from;
        }
        u128::from_be_bytes(key)
    };
    let mut keyed: Vec<_> = seats.into_iter().map(|entry| (key(entry.0), entry)).collect();
    keyed.sort_unstable_by(|(one_key, (one, _)), (other_key, (other, _))| {
        one_key.cmp(other_key).then_with(|| rest(one).cmp(&rest(other)))
    });
    keyed.into_iter().map(|(_, entry)| entry).collect()
}

/// What decides where the beginning of the user's id doesn't.
fn rest(seat: &Seat) -> (Option<&str>, Uuid) {
    (seat.holder.as_ref().map(|holder| &*holder.user_id), seat.id)
}

/// Keeps what is beyond `keepFree` and `maxReleases`, and puts the others in front in the order in
/// which they go: releases, then announcements.
///
/// Both are counted apart: at most `maxReleases` of each, of releases less what was `taken` within
/// the window. What `keepFree` needs is met by releases
/// first, then by announcements that are not due yet, then by new ones, so that nobody is told to
/// go for a seat that is not needed.
pub(super) fn limit(
    rule: &TypeRule,
    taken: u32,
    free: Option<u32>,
    mut decisions: Vec<Decision>,
) -> Vec<Decision> {
    let mut releases = in_turn(&decisions, Outcome::Release);
    let mut announcements = in_turn(&decisions, Outcome::Announce);
    let is_waiting = |d: &&Decision| matches!(d.keep.first(), Some(Keep::Announced { .. }));
    let waiting = decisions.iter().filter(is_waiting).count();

    let needed = rule.keep_free.map(|keep_free| Needed {
        keep_free,
        free,
        seats: free.map_or(0, |free| keep_free.saturating_sub(free) as usize),
    });
    cut(rule, taken, needed, &mut releases, &mut decisions);
    let needed = needed.map(|needed| Needed {
        seats: needed.seats.saturating_sub(releases.len() + waiting),
        ..needed
    });
    cut(rule, 0, needed, &mut announcements, &mut decisions);

    releases.append(&mut announcements);
    bring_forward(&releases, &mut decisions);
    decisions
}

/// Puts these in front, in this order; the others stay in theirs. In place: the decisions of a large
/// site are not there twice.
fn bring_forward(in_front: &[usize], decisions: &mut [Decision]) {
    let mut places = vec![None; decisions.len()];
    for (place, n) in in_front.iter().enumerate() {
        places[*n] = Some(place);
    }
    let mut behind = in_front.len()..;
    let mut places: Vec<usize> =
        places.into_iter().map(|place| place.or_else(|| behind.next()).unwrap_or(0)).collect();
    for n in 0..places.len() {
        while places[n] != n {
            let place = places[n];
            decisions.swap(n, place);
            places.swap(n, place);
        }
    }
}

/// What `keepFree` asks for.
#[derive(Clone, Copy)]
struct Needed {
    keep_free: u32,
    free: Option<u32>,
    /// Seats to be freed for it.
    seats: usize,
}

/// The places of those with an outcome, in the order in which they go: people that were removed
/// from their directory, then whoever has been idle longest, of equals a seat above what the
/// license allows.
fn in_turn(decisions: &[Decision], outcome: Outcome) -> Vec<usize> {
    let mut places: Vec<_> =
        (0..decisions.len()).filter(|n| decisions[*n].outcome == outcome).collect();
    places.sort_unstable_by_key(|n| {
        let d = &decisions[*n];
        (!d.removed_externally, d.idle_since, !d.excess, d.seat)
    });
    places
}

/// Keeps those beyond a limit, and takes their places out of `places`.
fn cut(
    rule: &TypeRule,
    taken: u32,
    needed: Option<Needed>,
    places: &mut Vec<usize>,
    decisions: &mut [Decision],
) {
    let mut left = Vec::with_capacity(places.len());
    for (n, place) in places.drain(..).enumerate() {
        let decision = &mut decisions[place];
        if let Some(Needed { keep_free, free, seats }) = needed {
            match free {
                None => decision.keep.push(Keep::FreeUnknown { keep_free }),
                Some(free) if n >= seats => {
                    decision.keep.push(Keep::EnoughFree { free, keep_free })
                }
                Some(_) => {}
            }
        }
        if let Some(cap) = rule.max_releases
            && n >= cap.saturating_sub(taken) as usize
        {
            decision.keep.push(Keep::OverCap { cap, taken });
        }
        if decision.keep.is_empty() {
            left.push(place);
        } else {
            decision.outcome = Outcome::Keep;
        }
    }
    *places = left;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::release::plan::tests::support::{Professional, holder, seat};

    proptest! {
        #[test]
        fn seats_are_in_the_order_of_their_accounts(
            accounts in prop::collection::vec(("[ab]{1,6}", "[aé\\x00]{0,14}", 0_u8..8), 0..12),
        ) {
            let new = |(n, (directory, user_id, null)): (usize, (String, String, u8))| {
                let account = format!("{directory}\\{user_id}");
                let mut new = seat(Professional, n as u128, &account, "never", "never");
                new.holder = (null > 0).then(|| holder(&account).into());
                new
            };
            let seats: Vec<_> = accounts.into_iter().rev().enumerate().map(new).collect();
            let sorted = by_account(seats.iter().map(|seat| (seat, false)).collect());
            let mut expected: Vec<_> = seats.iter().collect();
            expected.sort_by_key(|seat| {
                let account = seat.holder.as_ref().map(|h| (h.directory.clone(), h.user_id.clone()));
                (account.is_none(), account, seat.id)
            });
            prop_assert_eq!(sorted.into_iter().map(|(seat, _)| seat).collect::<Vec<_>>(), expected);
        }
    }
}
