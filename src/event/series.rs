//! What an event is the next one of.

use super::{Body, Event, Kind};

/// Events of one series tell of the same thing one after the other: a receiver must see them in their
/// order. Those of different series may overtake each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Series {
    pub site: String,
    pub kind: Kind,
    /// The alert or the seat it is about; `None`: all of the site and kind.
    of: Option<String>,
}

impl Series {
    /// Everything of the site and the kind.
    pub fn whole_kind(&self) -> Self {
        Self { of: None, ..self.clone() }
    }

    /// Whether it is everything of its site and kind, so that nothing else of an event has to be known.
    pub fn is_whole_kind(&self) -> bool {
        self.of.is_none()
    }

    /// Whether the other one is this one or a part of it.
    pub fn covers(&self, other: &Self) -> bool {
        self.is_like(other) && (self.of.is_none() || self.of == other.of)
    }

    /// Of the same site and kind: the same topic or template, most probably.
    pub fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind && self.site == other.site
    }
}

impl Event {
    /// The series that this event belongs to.
    pub fn series(&self) -> Series {
        let of = match &self.body {
            Body::Alert(notice) => Some(notice.fingerprint.clone()),
            Body::SeatReleased(it) => Some(it.seat.seat.to_string()),
            Body::SeatAnnounced(it) => Some(it.seat.seat.to_string()),
            Body::SeatWithdrawn(it) => Some(it.seat.seat.to_string()),
            Body::SeatRestored(it) => Some(it.seat.seat.to_string()),
            _ => None,
        };
        Series { site: self.site.clone(), kind: self.kind(), of }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::samples;

    #[test]
    fn alerts_of_two_rules_are_two_series_and_polls_of_a_site_are_one() {
        assert_eq!(samples::recurring("a", 1).series(), samples::recurring("a", 2).series());
        assert_ne!(samples::recurring("a", 1).series(), samples::recurring("b", 1).series());
        assert_ne!(samples::recurring("a", 1).series(), samples::alert("a", 1).series());
    }
}
