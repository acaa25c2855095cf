//! Who wants what: the switches of a monitor, and what its InfluxDB points carry.

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

/// Which destinations a monitor's events go to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Switches {
    pub influxdb: bool,
    /// Added to this monitor's InfluxDB points.
    pub influxdb_tags: Vec<Tag>,
    pub mqtt: SendSwitch,
    pub webhook: SendSwitch,
    pub email: SendSwitch,
}

/// `enable` of a destination is folded in: both are false when it is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendSwitch {
    pub recurring: bool,
    pub alert: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub value: String,
}
