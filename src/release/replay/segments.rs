//! When a seat was idle, when it was used, and when nobody knows.

/// Milliseconds since 1970.
pub(super) type Ms = i64;

/// A time that never comes.
pub(super) const NEVER: Ms = Ms::MAX;
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

/// The time from `start` to `end` in parts, after what `parts` has. `idle`: what is known, in order.
/// `recorded`: from here on every gap is known. `last_unknown`: what came after the last known gap is not
/// known at all.
pub(super) fn segments(
    parts: &mut Vec<Segment>,
    (start, end): (Ms, Ms),
    idle: impl Iterator<Item = Idle>,
    recorded: Ms,
    last_unknown: bool,
) {
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
        between(parts, at, from);
        parts.push(Segment { from, to, kind: Kind::Idle(known) });
        at = to;
    }
    if at < end {
        match last_unknown {
            true => parts.push(Segment { from: at, to: end, kind: Kind::Unknown }),
            false => between(parts, at, end),
        }
    }
}

/// A time in which a seat may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Ms,
    /// Not included.
    pub(super) to: Ms,
    /// It is certain up to here, included; [`LONG_AGO`] where nothing is.
    pub(super) certain_to: Ms,
    /// The person had another seat, whose use keeps this one: it may go on any of these days, or on none.
    pub(super) loose: bool,
}
