//! When a seat was idle, when it was used, and when nobody knows.

/// Milliseconds since 1970.
pub(super) type Ms = i64;

/// A time that never comes.
pub(super) const NEVER: Ms = Ms::MAX;
/// A first use so long after the allocation is noted.
const FIRST_USE: Ms = 14 * 86_400_000;
/// Before all that is known.
pub(super) const LONG_AGO: Ms = Ms::MIN / 4;

/// A time in which a seat was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Idle {
    pub(super) from: Ms,
    /// The use that ended it, or [`NEVER`]; of a seat that is gone, when it went.
    pub(super) to: Ms,
    /// It is certain up to here.
    pub(super) certain_to: Ms,
    /// It began with the allocation, not with a use.
    pub(super) never: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Idle(Idle),
    /// Used at least every 14 days.
    Used,
    /// Nobody knows: idle all the time, or used every day.
    Unknown,
}

/// A part of the time in which somebody had a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) from: Ms,
    pub(super) to: Ms,
    pub(super) kind: Kind,
}

/// The time from `start` to `end` in parts. `idle`: what is known, in order. `recorded`: from here on
/// every gap is known. `last_unknown`: what came after the last known gap is not known at all.
pub(super) fn segments(
    (start, end): (Ms, Ms),
    idle: &[Idle],
    recorded: Ms,
    last_unknown: bool,
) -> Vec<Segment> {
    let mut parts = Vec::with_capacity(2 * idle.len() + 2);
    let mut at = start;
    let between = |parts: &mut Vec<Segment>, from: Ms, to: Ms| {
        let known = recorded.clamp(from, to.max(from));
        for (from, to, kind) in [(from, known, Kind::Unknown), (known, to, Kind::Used)] {
            if from < to {
                parts.push(Segment { from, to, kind });
            }
        }
    };
    for known in idle {
        let (from, to) = (known.from.max(at), known.to.min(end));
        if from >= to {
            continue;
        }
        between(&mut parts, at, from);
        parts.push(Segment { from, to, kind: Kind::Idle(*known) });
        at = to;
    }
    if at < end {
        match last_unknown {
            true => parts.push(Segment { from: at, to: end, kind: Kind::Unknown }),
            false => between(&mut parts, at, end),
        }
    }
    parts
}

/// A time in which a seat may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Ms,
    /// Not included.
    pub(super) to: Ms,
    /// It is certain up to here, included; [`LONG_AGO`] where nothing is.
    pub(super) certain_to: Ms,
    /// Last use of another seat of the same person that counts; [`LONG_AGO`] without one.
    pub(super) other_use: Ms,
    /// Whether another seat of the person was in use is not known: the seat may go on any of these days.
    pub(super) loose: bool,
}

/// The parts of a time in which no other seat of the same person was in use. `idle_since`: of the seat
/// itself, use of another one before that does not count. `short`: gaps of less than 14 days count,
/// and they are known nowhere.
pub(super) fn without_other_use(
    window: Window,
    idle_since: Ms,
    other: &[Segment],
    short: bool,
) -> Vec<Window> {
    let (Some(first), Some(last)) = (other.first(), other.last()) else { return vec![window] };
    let mut parts = Vec::new();
    let mut add = |from: Ms, to: Ms, certain_to: Ms, other_use: Ms| {
        let loose = window.loose || certain_to == LONG_AGO;
        let (from, to) = (from.max(window.from), to.min(window.to));
        if from < to {
            let certain_to = certain_to.min(window.certain_to);
            let other_use = other_use.max(window.other_use);
            parts.push(Window { from, to, certain_to, other_use, loose });
        }
    };
    add(Ms::MIN, first.from, NEVER, LONG_AGO);
    for segment in other {
        match segment.kind {
            Kind::Idle(idle) => {
                let counts = !idle.never && idle.from > idle_since;
                let other_use = if counts { idle.from } else { LONG_AGO };
                add(segment.from, segment.to, idle.certain_to, other_use);
            }
            // Up to its first use, which is noted only after 14 days, it is not in use.
            Kind::Used if !short && segment.from == first.from => {
                let to = segment.to.min(segment.from.saturating_add(FIRST_USE));
                add(segment.from, to, LONG_AGO, LONG_AGO);
            }
            Kind::Used if !short => {}
            Kind::Used | Kind::Unknown => add(segment.from, segment.to, LONG_AGO, LONG_AGO),
        }
    }
    add(last.to, NEVER, NEVER, LONG_AGO);
    parts
}
