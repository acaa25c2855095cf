//! The same question answered the slow way: every day, of every seat, from all its uses.

use std::collections::HashMap;

use super::*;

/// What happened, by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) released: Vec<u32>,
    pub(super) came_back: Vec<u32>,
    pub(super) out: Vec<u32>,
    /// Within 14, 30, 90 days and at all.
    pub(super) back: [u64; 4],
}

/// The last use up to a time.
fn last_use(truth: &Truth, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    truth.uses.iter().copied().rfind(|used| *used <= now)
}

fn is_due(all: &[Truth], of: &Truth, rule: &TypeRule, now: DateTime<Utc>) -> bool {
    let days = |days: u32| TimeDelta::days(days.into());
    let used = last_use(of, now);
    let idle_since = used.unwrap_or(of.created);
    let wanted = match used {
        Some(_) => rule.release_threshold_days,
        None => rule.never_used_grace_days,
    };
    if now - idle_since < days(wanted) {
        return false;
    }
    let others = all.iter().filter(|other| {
        other.person == of.person
            && other.seat_type != of.seat_type
            && other.created <= now
            && other.removed.is_none_or(|removed| removed > now)
    });
    let newest = others.filter_map(|other| last_use(other, now)).max();
    newest.is_none_or(|at| at <= idle_since || now - at >= days(rule.release_threshold_days))
}

/// One run at the beginning of each day. `free`: in truth, on every day.
pub(super) fn answer(
    all: &[Truth],
    rule: &TypeRule,
    (first, last): (i64, i64),
    free: u32,
    now: DateTime<Utc>,
) -> Answer {
    let days = usize::try_from(last - first + 1).unwrap();
    let mut answer = Answer {
        released: vec![0; days],
        came_back: vec![0; days],
        out: vec![0; days],
        back: [0; 4],
    };
    let of_type = |of: &&Truth| of.seat_type == rule.seat_type;
    let mut announced: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
    // Until when each is out, and when each came back last.
    let mut out: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
    let mut back_at: HashMap<u128, DateTime<Utc>> = HashMap::new();
    for n in 0..days {
        let tick = at(first + n as i64, 0);
        let end = at(first + n as i64 + 1, 0).min(now + TimeDelta::milliseconds(1));
        let mut due: Vec<&Truth> = all
            .iter()
            .filter(of_type)
            .filter(|of| of.created <= tick && of.ended(now + TimeDelta::days(1)) > tick)
            .filter(|of| out.get(&of.seat()).is_none_or(|until| *until <= tick))
            .filter(|of| is_due(all, of, rule, tick))
            .filter(|of| {
                let grace = TimeDelta::days(rule.reallocated_grace_days.into());
                let back = back_at.get(&of.person).filter(|back| **back <= tick);
                back.is_none_or(|back| tick - *back >= grace)
            })
            .collect();
        due.sort_by_key(|of| (last_use(of, tick).unwrap_or(of.created), of.seat()));
        announced.retain(|seat, _| due.iter().any(|of| of.seat() == *seat));
        let missing = out.values().filter(|until| **until > tick).count();
        let needed = rule.keep_free.map_or(usize::MAX, |keep_free| {
            (keep_free as usize).saturating_sub(free as usize + missing)
        });
        let most = rule.max_releases.map_or(usize::MAX, |most| most as usize);
        let is_over = |of: &&&Truth| {
            rule.grace_days == 0 || announced.get(&of.seat()).is_some_and(|due| *due <= tick)
        };
        let ready: Vec<&Truth> = due.iter().filter(is_over).copied().collect();
        let fresh: Vec<&Truth> = match rule.grace_days {
            0 => Vec::new(),
            _ => due.iter().filter(|of| !announced.contains_key(&of.seat())).copied().collect(),
        };
        let waiting = due.len() - ready.len() - fresh.len();
        let gone = ready.len().min(needed).min(most);
        for of in &ready[..gone] {
            announced.remove(&of.seat());
            answer.released[n] += 1;
            let back = of.uses.iter().copied().find(|used| *used > tick);
            let until = back.unwrap_or(of.ended(DateTime::<Utc>::MAX_UTC));
            out.insert(of.seat(), until);
            let Some(back) = back.filter(|back| *back <= now) else { continue };
            back_at.insert(of.person, back);
            let day = usize::try_from((back - at(first, 0)).num_days()).unwrap();
            if let Some(count) = answer.came_back.get_mut(day) {
                *count += 1;
            }
            for (within, count) in [14, 30, 90, 100_000].iter().zip(&mut answer.back) {
                *count += u64::from(back - tick <= TimeDelta::days(*within));
            }
        }
        let needed = needed.saturating_sub(gone + waiting);
        for of in fresh.iter().take(needed.min(most)) {
            announced.insert(of.seat(), tick + TimeDelta::days(rule.grace_days.into()));
        }
        answer.out[n] = u32::try_from(out.values().filter(|until| **until >= end).count()).unwrap();
    }
    answer
}
