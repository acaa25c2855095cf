//! Who goes first, and how many go.

use super::{Decision, Keep, Outcome};
use crate::release::policy::TypeRule;

/// Keeps what is beyond `keepFree` and `maxReleases`, and puts the others in front in the order in
/// which they go: releases, then announcements.
///
/// Both are counted apart: at most `maxReleases` of each. What `keepFree` needs is met by releases
/// first, then by announcements that are not due yet, then by new ones, so that nobody is told to
/// go for a seat that is not needed.
pub(super) fn limit(
    rule: &TypeRule,
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
    cut(rule, needed, &mut releases, &mut decisions);
    let needed = needed.map(|needed| Needed {
        seats: needed.seats.saturating_sub(releases.len() + waiting),
        ..needed
    });
    cut(rule, needed, &mut announcements, &mut decisions);

    let mut slots: Vec<_> = decisions.into_iter().map(Some).collect();
    let in_front = releases.into_iter().chain(announcements);
    let mut ordered: Vec<_> = in_front.filter_map(|n| slots[n].take()).collect();
    ordered.extend(slots.into_iter().flatten());
    ordered
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
            && n >= cap as usize
        {
            decision.keep.push(Keep::OverCap { cap });
        }
        if decision.keep.is_empty() {
            left.push(place);
        } else {
            decision.outcome = Outcome::Keep;
        }
    }
    *places = left;
}
