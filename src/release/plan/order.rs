//! Who goes first, and how many go.

use std::cmp::Ordering;

use super::{Decision, Keep, Outcome, Past};
use crate::release::policy::TypeRule;

/// Puts the decisions in their order and keeps those beyond `keepFree` and `maxReleases`.
///
/// Releases and announcements are counted apart: at most `maxReleases` of each. `keepFree` counts
/// them together with the announcements that are not due yet, so that nobody is told to go for a
/// seat that is not needed.
pub(super) fn limit(rule: &TypeRule, free: Option<u32>, past: &Past, decisions: &mut [Decision]) {
    decisions.sort_unstable_by(order);
    let releases = decisions.partition_point(|d| d.outcome == Outcome::Release);
    let announcements = decisions[releases..].partition_point(|d| d.outcome == Outcome::Announce);
    let (releases, rest) = decisions.split_at_mut(releases);
    let (announcements, rest) = rest.split_at_mut(announcements);

    let needed = match (rule.keep_free, free) {
        (None, _) => Some(usize::MAX),
        (Some(keep_free), Some(free)) => Some(keep_free.saturating_sub(free) as usize),
        (Some(_), None) => None,
    };
    let released = cut(rule, free, needed, releases);
    let waiting =
        rest.iter().filter(|d| matches!(d.keep.first(), Some(Keep::Announced { .. }))).count();
    let _ = past;
    let needed = needed.map(|needed| needed.saturating_sub(released).saturating_sub(waiting));
    cut(rule, free, needed, announcements);
    decisions.sort_unstable_by(order);
}

/// Keeps all but the first ones. Returns how many are left.
fn cut(
    rule: &TypeRule,
    free: Option<u32>,
    needed: Option<usize>,
    candidates: &mut [Decision],
) -> usize {
    let mut left = 0;
    for (n, decision) in candidates.iter_mut().enumerate() {
        if let Some(keep_free) = rule.keep_free {
            match (needed, free) {
                (Some(needed), Some(free)) if n >= needed => {
                    decision.keep.push(Keep::EnoughFree { free, keep_free });
                }
                (Some(_), Some(_)) => {}
                _ => decision.keep.push(Keep::FreeUnknown { keep_free }),
            }
        }
        if let Some(cap) = rule.max_releases
            && n >= cap as usize
        {
            decision.keep.push(Keep::OverCap { cap });
        }
        if decision.keep.is_empty() {
            left += 1;
        } else {
            decision.outcome = Outcome::Keep;
        }
    }
    left
}

/// Releases, announcements, the rest. Who goes is in the order of going: people that were removed
/// from their directory, then whoever has been idle longest, of equals a seat above what the license
/// allows. Who stays is in the order of accounts.
fn order(one: &Decision, other: &Decision) -> Ordering {
    one.outcome.cmp(&other.outcome).then_with(|| match one.outcome {
        Outcome::Release | Outcome::Announce => turn(one).cmp(&turn(other)),
        Outcome::Keep => account(one).cmp(&account(other)),
    })
}

fn turn(d: &Decision) -> impl Ord {
    (!d.removed_externally, d.idle_since, !d.excess, d.seat)
}

fn account(d: &Decision) -> impl Ord {
    let name = d.holder.as_ref().map(|holder| (&holder.directory, &holder.user_id));
    (name.is_none(), name, d.seat)
}
