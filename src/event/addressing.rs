//! Who wants what: the switches of a monitor, and what its InfluxDB points carry.

use super::{Channel, Class};

/// How InfluxDB points of releases name the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserTag {
    /// `CORP\anna`, as Butler writes it.
    #[default]
    Name,
    /// A hash of it: the same for the same user, but no name.
    Hash,
    /// Not at all.
    Off,
}

/// Which destinations a monitor's events go to. By default none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Switches {
    channels: [SendSwitch; Channel::ALL.len()],
    /// Added to this monitor's InfluxDB points.
    pub influxdb_tags: Vec<Tag>,
}

impl Switches {
    /// All off, with tags for the InfluxDB points.
    pub fn tagged(influxdb_tags: Vec<Tag>) -> Self {
        Self { influxdb_tags, ..Self::default() }
    }

    /// The switch of a kind of destination.
    pub fn of(&self, channel: Channel) -> SendSwitch {
        self.channels[channel as usize]
    }

    pub fn set(&mut self, channel: Channel, switch: SendSwitch) {
        self.channels[channel as usize] = switch;
    }

    /// These with one switch changed.
    #[must_use]
    pub fn with(mut self, channel: Channel, switch: SendSwitch) -> Self {
        self.set(channel, switch);
        self
    }
}

/// `enable` of a destination is folded in: both are false when it is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendSwitch {
    pub recurring: bool,
    pub alert: bool,
}

impl SendSwitch {
    /// Everything is sent.
    pub const ON: Self = Self { recurring: true, alert: true };

    /// Nothing is sent.
    pub const OFF: Self = Self { recurring: false, alert: false };

    pub fn is_on(self) -> bool {
        self != Self::OFF
    }

    /// Whether events of a class are sent.
    pub fn sends(self, class: Class) -> bool {
        match class {
            Class::Recurring => self.recurring,
            Class::Alert => self.alert,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub value: String,
}
