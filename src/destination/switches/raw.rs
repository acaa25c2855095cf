//! The `destination` section of a monitor as it is written. Every kind of destination has a switch
//! in it; what the sections of the monitors differ in is a [`Form`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::event::{Channel, SendSwitch};

/// The kind whose switch is for figures: it has tags, and knows no difference between recurring
/// data and alerts.
pub(crate) const FIGURES: Channel = Channel::InfluxDb;

/// What the `destination` section of a monitor looks like.
pub(crate) trait Form {
    /// In the JSON schema.
    const NAME: &'static str;
    const DESCRIPTION: Option<&'static str> = None;
    /// The switches that are not marked as Bursar's own: Butler's, or all where the whole section is
    /// Bursar's.
    const BUTLERS: &'static [Channel];
    /// The switch for figures.
    type Figures: FiguresSwitch;
    /// The switch of all other kinds.
    type Messages: MessageSwitch;

    /// What the switch of a kind means.
    fn described(channel: Channel) -> String {
        channel.described()
    }
}

/// A switch for figures.
pub(crate) trait FiguresSwitch:
    Clone + fmt::Debug + Default + DeserializeOwned + JsonSchema
{
    fn is_on(&self) -> bool;
    /// Tags of the points.
    fn tags(&self) -> &[NameValue];
}

/// A switch for messages.
pub(crate) trait MessageSwitch:
    Clone + fmt::Debug + Default + DeserializeOwned + JsonSchema
{
    fn is_on(&self) -> bool;
    /// What is sent when it is on.
    fn sends(&self) -> SendSwitch;
}

/// Where a monitor's data goes.
#[derive(Debug, Clone)]
pub(crate) struct Destinations<F: Form> {
    pub(crate) figures: F::Figures,
    messages: BTreeMap<Channel, F::Messages>,
}

/// The section of most monitors.
pub(crate) type Destination = Destinations<Usual>;

impl<F: Form> Destinations<F> {
    /// Whether the switch of a kind is on, whatever it sends.
    pub(crate) fn is_on(&self, channel: Channel) -> bool {
        if channel == FIGURES {
            return self.figures.is_on();
        }
        self.messages.get(&channel).is_some_and(MessageSwitch::is_on)
    }

    /// What is sent to a kind.
    pub(crate) fn sends(&self, channel: Channel) -> SendSwitch {
        match self.messages.get(&channel) {
            _ if !self.is_on(channel) => SendSwitch::OFF,
            Some(switch) => switch.sends(),
            None => SendSwitch::ON,
        }
    }
}

impl<F: Form> Default for Destinations<F> {
    fn default() -> Self {
        Self { figures: F::Figures::default(), messages: BTreeMap::new() }
    }
}

impl<'de, F: Form> Deserialize<'de> for Destinations<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Map::<String, Value>::deserialize(deserializer)?;
        let mut read = Self::default();
        for channel in Channel::ALL {
            let Some(switch) = written.get(channel.key()) else { continue };
            if channel == FIGURES {
                read.figures = F::Figures::deserialize(switch).map_err(D::Error::custom)?;
            } else {
                let switch = F::Messages::deserialize(switch).map_err(D::Error::custom)?;
                read.messages.insert(channel, switch);
            }
        }
        Ok(read)
    }
}

/// The schema takes the default of a section from those of its keys.
impl<F: Form> Serialize for Destinations<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

impl<F: Form> JsonSchema for Destinations<F> {
    fn schema_name() -> Cow<'static, str> {
        F::NAME.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for channel in Channel::ALL {
            let mut switch = if channel == FIGURES {
                generator.subschema_for::<F::Figures>()
            } else {
                generator.subschema_for::<F::Messages>()
            };
            switch.insert("description".to_owned(), F::described(channel).into());
            if !F::BUTLERS.contains(&channel) {
                switch.insert("x-bursar".to_owned(), true.into());
            }
            properties.insert(channel.key().to_owned(), switch.to_value());
        }
        let mut schema = json_schema!({ "type": "object", "properties": Value::from(properties) });
        if let Some(text) = F::DESCRIPTION {
            schema.insert("description".to_owned(), text.into());
        }
        schema
    }
}

/// The form of most monitors: Butler has all of it but e-mail.
#[derive(Debug, Clone)]
pub(crate) struct Usual;

/// What Butler has at its monitors.
pub(crate) const BUTLERS: &[Channel] = &[Channel::InfluxDb, Channel::Mqtt, Channel::Webhook];

impl Form for Usual {
    const NAME: &'static str = "Destination";
    const DESCRIPTION: Option<&'static str> = Some("Where a monitor's data goes.");
    const BUTLERS: &'static [Channel] = BUTLERS;
    type Figures = InfluxDbSwitch;
    type Messages = Switch;
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct InfluxDbSwitch {
    /// Store each poll's data in InfluxDB.
    pub(crate) enable: bool,
    /// Tags of these points.
    pub(crate) tag: StaticTags,
}

impl FiguresSwitch for InfluxDbSwitch {
    fn is_on(&self) -> bool {
        self.enable
    }

    fn tags(&self) -> &[NameValue] {
        &self.tag.fixed
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct StaticTags {
    /// Tags with a fixed value.
    #[serde(rename = "static")]
    pub(crate) fixed: Vec<NameValue>,
}

/// A name and a value.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NameValue {
    /// Name of the tag.
    #[schemars(example = &"env")]
    pub(crate) name: String,
    /// Its value.
    #[schemars(example = &"production")]
    pub(crate) value: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Switch {
    /// Off: neither recurring data nor alerts are sent there.
    pub(crate) enable: bool,
    /// Each poll's data.
    pub(crate) send_recurring: Enable,
    /// Alerts.
    pub(crate) send_alert: Enable,
}

impl MessageSwitch for Switch {
    fn is_on(&self) -> bool {
        self.enable
    }

    fn sends(&self) -> SendSwitch {
        SendSwitch { recurring: self.send_recurring.enable, alert: self.send_alert.enable }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Enable {
    /// Switches it on.
    pub(crate) enable: bool,
}

/// Where there are alerts only.
impl MessageSwitch for Enable {
    fn is_on(&self) -> bool {
        self.enable
    }

    fn sends(&self) -> SendSwitch {
        SendSwitch { recurring: false, alert: true }
    }
}
