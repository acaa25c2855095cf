//! The properties of each type of objects, and what a filter may compare them with.
//!
//! Known from real servers: a GUID in quotes is refused with
//! `Cannot convert the constant value &quot;Guid&quot; to the following: &#39;...&#39;`. A guess: that other
//! types are refused in the same words, and a property that doesn't exist as what can't be parsed.

use super::filter::{Comparison, Filter, FilterError, Literal, Operator};
use super::lists::Kind;
use super::people::SeatKind;
use super::scenario::Quirks;
use super::{filter, operations};

/// What a property holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Guid,
    Text,
    Date,
    Bool,
    Number,
    /// A number that has names.
    Named(&'static [&'static str]),
    /// Another object, or a list of them: only its properties can be compared.
    Object(Properties),
}

type Properties = &'static [(&'static str, Type)];

use Type::{Bool, Date, Guid, Named, Number, Object, Text};

const REFERENCE: Properties = &[("id", Guid), ("name", Text)];

const USER_REFERENCE: Properties = &[
    ("id", Guid),
    ("userId", Text),
    ("userDirectory", Text),
    ("userDirectoryConnectorName", Text),
    ("name", Text),
];

/// What every object begins with.
const COMMON: Properties =
    &[("id", Guid), ("createdDate", Date), ("modifiedDate", Date), ("modifiedByUserName", Text)];

const PROPERTY_VALUES: Properties = &[
    ("id", Guid),
    ("createdDate", Date),
    ("modifiedDate", Date),
    ("value", Text),
    (
        "definition",
        Object(&[("id", Guid), ("name", Text), ("valueType", Text), ("choiceValues", Text)]),
    ),
];

const USER: Properties = &[
    ("customProperties", Object(PROPERTY_VALUES)),
    ("userId", Text),
    ("userDirectory", Text),
    ("userDirectoryConnectorName", Text),
    ("name", Text),
    ("roles", Text),
    (
        "attributes",
        Object(&[
            ("id", Guid),
            ("attributeType", Text),
            ("attributeValue", Text),
            ("externalId", Text),
        ]),
    ),
    ("inactive", Bool),
    ("removedExternally", Bool),
    ("blacklisted", Bool),
    ("deleteProhibited", Bool),
    ("tags", Object(REFERENCE)),
    ("favorites", Guid),
];

const SEAT: Properties = &[
    ("user", Object(USER_REFERENCE)),
    ("lastUsed", Date),
    ("excess", Bool),
    ("quarantined", Bool),
    ("quarantineEnd", Date),
    ("deletedUserId", Text),
    ("deletedUserDirectory", Text),
];

const APP: Properties = &[
    ("id", Guid),
    ("customProperties", Object(PROPERTY_VALUES)),
    ("owner", Object(USER_REFERENCE)),
    ("name", Text),
    ("appId", Text),
    ("sourceAppId", Guid),
    ("targetAppId", Guid),
    ("publishTime", Date),
    ("published", Bool),
    ("tags", Object(REFERENCE)),
    ("description", Text),
    ("stream", Object(REFERENCE)),
    ("fileSize", Number),
    ("lastReloadTime", Date),
    ("thumbnail", Text),
    ("savedInProductVersion", Text),
    ("migrationHash", Text),
    ("dynamicColor", Text),
    ("availabilityStatus", Number),
];

const STATUS: Type = Named(operations::TASK_STATUS);

const RESULT: Properties = &[
    ("id", Guid),
    ("taskID", Guid),
    ("executionID", Guid),
    ("appID", Guid),
    ("executingNodeID", Guid),
    ("executingNodeName", Text),
    ("status", STATUS),
    ("startTime", Date),
    ("stopTime", Date),
    ("duration", Number),
    ("fileReferenceID", Guid),
    ("scriptLogAvailable", Bool),
    (
        "details",
        Object(&[
            ("id", Guid),
            ("detailsType", Number),
            ("message", Text),
            ("detailCreatedDate", Date),
        ]),
    ),
    ("scriptLogLocation", Text),
    ("scriptLogSize", Number),
];

const TASK: Properties = &[
    ("customProperties", Object(PROPERTY_VALUES)),
    ("app", Object(APP)),
    ("isManuallyTriggered", Bool),
    ("isPartialReload", Bool),
    (
        "operational",
        Object(&[("id", Guid), ("lastExecutionResult", Object(RESULT)), ("nextExecution", Date)]),
    ),
    ("name", Text),
    ("taskType", Number),
    ("enabled", Bool),
    ("taskSessionTimeout", Number),
    ("maxRetries", Number),
    ("tags", Object(REFERENCE)),
];

const NODE: Properties = &[
    ("name", Text),
    ("hostName", Text),
    ("temporaryfilepath", Text),
    ("serviceCluster", Object(REFERENCE)),
    ("isCentral", Bool),
    ("nodePurpose", Number),
    ("engineEnabled", Bool),
    ("proxyEnabled", Bool),
    ("schedulerEnabled", Bool),
    ("printingEnabled", Bool),
];

const SERVICE: Properties = &[
    ("serverNodeConfiguration", Object(REFERENCE)),
    ("serviceType", Named(&["Repository", "Proxy", "Scheduler", "Engine"])),
    ("serviceState", Named(&["Initializing", "CertificatesNotInstalled", "Running"])),
    ("timestamp", Date),
];

const RULE: Properties = &[
    ("category", Text),
    ("subcategory", Text),
    ("type", Text),
    ("name", Text),
    ("rule", Text),
    ("resourceFilter", Text),
    ("actions", Number),
    ("comment", Text),
    ("disabled", Bool),
];

const DEFINITION: Properties = &[
    ("name", Text),
    ("valueType", Text),
    ("choiceValues", Text),
    ("objectTypes", Text),
    ("description", Text),
];

const USAGE: Properties = &[
    ("analyzerTimeAccessType", Object(REFERENCE)),
    ("user", Object(USER_REFERENCE)),
    ("useStartTime", Date),
    ("useStopTime", Date),
    ("latestActivity", Date),
    ("serverNodeConfigurationId", Guid),
    ("hostName", Text),
    ("sessions", Object(&[("id", Guid), ("sessionID", Guid), ("latestActivity", Date)])),
];

/// A type of objects on a certain server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entity<'a> {
    pub(super) kind: Kind,
    pub(super) quirks: &'a Quirks,
    pub(super) with_excess: bool,
}

impl Entity<'_> {
    fn own(self) -> Properties {
        match self.kind {
            Kind::Users => USER,
            Kind::Seats(_) => SEAT,
            Kind::Apps => APP,
            Kind::Tasks => TASK,
            Kind::Executions => RESULT,
            Kind::Nodes => NODE,
            Kind::Services => SERVICE,
            Kind::Rules => RULE,
            Kind::Tags => REFERENCE,
            Kind::PropertyDefinitions => DEFINITION,
            Kind::CapacityUsage => USAGE,
        }
    }

    /// What an older server lacks isn't known to its filters either.
    fn lacks(self, name: &str) -> bool {
        let named = match name {
            "userDirectoryConnectorName" => !self.quirks.with_connector_name,
            "deletedUserId" | "deletedUserDirectory" => !self.quirks.with_deleted_user_fields,
            "excess" => !self.with_excess || self.kind == Kind::Seats(SeatKind::User),
            _ => false,
        };
        named || self.quirks.without.iter().any(|other| other == name)
    }

    /// What a path leads to, whatever the case of its names.
    pub(super) fn type_of(self, path: &[String]) -> Option<Type> {
        let (first, rest) = path.split_first()?;
        let find = |properties: Properties, name: &str| {
            let found = properties.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
            (!self.lacks(found.0)).then_some(found.1)
        };
        let mut at = find(self.own(), first).or_else(|| find(COMMON, first))?;
        for name in rest {
            let Object(properties) = at else { return None };
            at = find(properties, name)?;
        }
        Some(at)
    }

    fn has_custom_properties(self) -> bool {
        matches!(self.kind, Kind::Users | Kind::Apps | Kind::Tasks)
    }

    /// A filter as the server takes it: names of values become their numbers.
    pub(super) fn checked(self, filter: &Filter, text: &str) -> Result<Filter, FilterError> {
        let all = |parts: &[Filter]| {
            parts.iter().map(|part| self.checked(part, text)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match filter {
            Filter::And(parts) => Filter::And(all(parts)?),
            Filter::Or(parts) => Filter::Or(all(parts)?),
            Filter::Compare(comparison) => Filter::Compare(self.comparison(comparison, text)?),
        })
    }

    fn comparison(self, comparison: &Comparison, text: &str) -> Result<Comparison, FilterError> {
        let cannot = || FilterError::CannotParse(text.to_owned());
        let Comparison { path, operator, literal } = comparison;
        let kind = match &path[..] {
            [name] if name.starts_with('@') && self.has_custom_properties() => Text,
            _ => self.type_of(path).ok_or_else(cannot)?,
        };
        let ordered = matches!(kind, Date | Number | Named(_));
        match operator {
            Operator::Eq | Operator::Ne => {}
            Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le if ordered => {}
            Operator::Sw | Operator::Ew | Operator::So if matches!(kind, Text) => {}
            _ => return Err(cannot()),
        }
        let (name, literal) = match (kind, literal) {
            (Guid, Literal::Bare(word)) if is_guid(word) => return Ok(comparison.clone()),
            (Text, Literal::Text(_)) => return Ok(comparison.clone()),
            (Date, Literal::Text(text)) if filter::date(text).is_some() => {
                return Ok(comparison.clone());
            }
            (Bool, Literal::Bare(word)) if word.to_lowercase().parse::<bool>().is_ok() => {
                return Ok(comparison.clone());
            }
            (Number | Named(_), Literal::Bare(word)) if word.parse::<i64>().is_ok() => {
                return Ok(comparison.clone());
            }
            (Named(names), Literal::Bare(word)) => {
                let place = names.iter().position(|name| name.eq_ignore_ascii_case(word));
                if let Some(place) = place {
                    let literal = Literal::Bare(place.to_string());
                    return Ok(Comparison { literal, ..comparison.clone() });
                }
                ("Int32", literal)
            }
            (Object(_), _) => return Err(cannot()),
            (Guid, literal) => ("Guid", literal),
            (Text, literal) => ("String", literal),
            (Date, literal) => ("DateTime", literal),
            (Bool, literal) => ("Boolean", literal),
            (Number, literal) | (Named(_), literal) => ("Int32", literal),
        };
        let value = match literal {
            Literal::Text(text) => format!("'{text}'"),
            Literal::Bare(word) => word.clone(),
        };
        Err(FilterError::CannotConvert { to: name, value: escaped(&value) })
    }
}

/// As the server writes one; other forms of a GUID are refused, which is a guess.
fn is_guid(word: &str) -> bool {
    word.len() == 36 && uuid::Uuid::try_parse(word).is_ok()
}

/// The server's texts are HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kind: Kind, text: &str) -> Option<String> {
        let filter = filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let quirks = Quirks::default();
        let entity = Entity { kind, quirks: &quirks, with_excess: true };
        entity.checked(&filter, text).err().map(|error| error.to_string())
    }

    const SEATS: Kind = Kind::Seats(SeatKind::Professional);
    const ID: &str = "046b6c7f-0b8a-43b9-b35d-6489e6daee91";

    #[test]
    fn what_real_tools_send_is_taken() {
        for (kind, filter) in [
            (Kind::Users, format!("id eq {ID} or ID EQ {ID}")),
            (
                Kind::Users,
                "userId eq 'a' and (inactive eq true or removedExternally ne False)".into(),
            ),
            (Kind::Users, "tags.name eq 'x' or roles so 'Admin' or @Any eq 'y'".into()),
            (
                Kind::Users,
                "customProperties.definition.name eq 'P' and customProperties.value eq 'V'".into(),
            ),
            (SEATS, format!("user.id eq {ID} and quarantined eq false and excess eq false")),
            (SEATS, "lastUsed le '2024-01-01T23:59:59.999Z'".into()),
            (
                SEATS,
                "modifiedDate ge '2024-01-01 10:00:00' or createdDate lt '2024/01/01 10:00'".into(),
            ),
            (Kind::Apps, "name eq 'License Monitor' and stream.name eq 'Monitoring apps'".into()),
            (Kind::Apps, "published eq true".into()),
            (Kind::Tasks, format!("app.id eq {ID}")),
            (Kind::Tasks, "operational.lastExecutionResult.status eq 8".into()),
            (Kind::Executions, format!("taskID eq {ID} and status eq FinishedFail")),
            (Kind::Services, "serviceType eq Engine".into()),
            (Kind::Rules, "category eq 'License'".into()),
        ] {
            assert_eq!(refusal(kind, &filter), None, "{filter}");
        }
    }

    #[test]
    fn a_quoted_id_and_other_wrong_types_are_refused_in_the_servers_words() {
        let quoted = format!("id eq '{ID}'");
        let expected = format!(
            "Cannot convert the constant value &quot;Guid&quot; to the following: &#39;{ID}&#39;"
        );
        for kind in [Kind::Users, SEATS, Kind::Apps, Kind::Tasks, Kind::Executions] {
            assert_eq!(refusal(kind, &quoted), Some(expected.clone()), "{kind:?}");
        }
        for (filter, to) in [
            ("user.id eq 'x'", "Guid"),
            ("id eq 046b6c7f0b8a43b9b35d6489e6daee91", "Guid"),
            ("id eq 5", "Guid"),
            ("quarantined eq 'true'", "Boolean"),
            ("quarantined eq 1", "Boolean"),
            ("lastUsed lt 5", "DateTime"),
            ("lastUsed lt 'soon'", "DateTime"),
            ("modifiedByUserName eq true", "String"),
            ("user.name eq 5", "String"),
        ] {
            let said = refusal(SEATS, filter).unwrap_or_default();
            let begin =
                format!("Cannot convert the constant value &quot;{to}&quot; to the following:");
            assert!(said.starts_with(&begin), "{filter}: {said}");
        }
        let said = refusal(Kind::Executions, "status eq Nonsense").unwrap_or_default();
        assert!(said.contains("&quot;Int32&quot;"), "{said}");
        let inside = format!("name eq 'a' and (inactive eq true or id eq '{ID}')");
        assert_eq!(refusal(Kind::Users, &inside), Some(expected));
    }

    #[test]
    fn what_an_object_does_not_have_cannot_be_parsed() {
        for (kind, filter) in [
            (Kind::Users, "lastUsed gt '2024-01-01'"),
            (Kind::Users, "nothing.here ne 'x'"),
            (Kind::Users, "tags eq 'x'"),
            (Kind::Users, "name.first eq 'x'"),
            (SEATS, "userId eq 'x'"),
            (SEATS, "user eq 'x'"),
            (SEATS, "@Property eq 'x'"),
            (SEATS, "privileges eq 'x'"),
            (Kind::Seats(SeatKind::User), "excess eq true"),
            // Operators that a type doesn't have.
            (SEATS, "user.name gt 'a'"),
            (SEATS, "quarantined ge true"),
            (SEATS, "lastUsed sw '2024'"),
        ] {
            let expected = format!("Cannot parse the expression: {filter}");
            assert_eq!(refusal(kind, filter), Some(expected), "{filter}");
        }
    }

    #[test]
    fn what_an_older_server_lacks_its_filters_do_not_know() {
        let older = Quirks {
            with_connector_name: false,
            with_deleted_user_fields: false,
            without: vec!["favorites".to_owned()],
            ..Quirks::default()
        };
        for (kind, path) in [
            (Kind::Users, "userDirectoryConnectorName"),
            (Kind::Users, "favorites"),
            (SEATS, "user.userDirectoryConnectorName"),
            (SEATS, "deletedUserId"),
            (SEATS, "excess"),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            let knows = |quirks: &Quirks, with_excess| {
                Entity { kind, quirks, with_excess }.type_of(&path).is_some()
            };
            assert!(knows(&Quirks::default(), true) && !knows(&older, false), "{path:?}");
        }
    }
}
