//! A user as the service writes them, and what of it is demanded.

use serde::Deserialize;
use serde_json::{Deserializer, Value};
use uuid::Uuid;

use super::json::Failure;
use super::list::{self, Rest};
use super::loose::{Any, Name};
use crate::license::{Person, ShapeError};

/// A user as the service writes them. Whoever lacks one of these, or has it in another type, is
/// not whole.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRow {
    id: Uuid,
    user_id: Name,
    user_directory: Name,
    #[serde(default)]
    name: Option<Name>,
    inactive: bool,
    blacklisted: bool,
    removed_externally: bool,
    /// The service writes an empty list for none, here and for the properties: without one it is not
    /// known whether somebody is protected by them.
    tags: Vec<TagRow>,
    custom_properties: Vec<PropertyRow>,
    #[serde(default)]
    roles: Option<Vec<Name>>,
    #[serde(default)]
    attributes: Option<Vec<AttributeRow>>,
}

#[derive(Debug, Deserialize)]
struct TagRow {
    name: Name,
}

#[derive(Debug, Deserialize)]
struct PropertyRow {
    value: Box<str>,
    definition: DefinitionRow,
}

#[derive(Debug, Deserialize)]
struct DefinitionRow {
    name: Name,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttributeRow {
    attribute_type: Name,
    /// Only that of a group matters.
    #[serde(default)]
    attribute_value: Any<Option<Box<str>>>,
}

impl UserRow {
    pub(super) fn person(self) -> Result<Person, ShapeError> {
        let missing = |field: &str| ShapeError::new(format!("text in {field:?}"), "nothing");
        if self.user_id.0.trim().is_empty() {
            return Err(missing("userId"));
        }
        if self.user_directory.0.trim().is_empty() {
            return Err(missing("userDirectory"));
        }
        let groups = self.attributes.map(|attributes| {
            let groups =
                attributes.into_iter().filter(|a| a.attribute_type.0.eq_ignore_ascii_case("group"));
            groups
                .map(|group| group.attribute_value.0.ok_or_else(|| missing("attributeValue")))
                .collect::<Result<Vec<_>, _>>()
        });
        let properties = self.custom_properties;
        Ok(Person {
            id: self.id,
            directory: self.user_directory.0,
            user_id: self.user_id.0,
            name: self.name.unwrap_or_default().0,
            roles: self.roles.map(|roles| roles.into_iter().map(|role| role.0).collect()),
            groups: groups.transpose()?.map(exact),
            tags: exact(self.tags.into_iter().map(|t| t.name.0).collect()),
            properties: exact(
                properties.into_iter().map(|p| (p.definition.name.0, p.value)).collect(),
            ),
            inactive: self.inactive,
            blocked: self.blacklisted,
            removed_externally: self.removed_externally,
        })
    }
}

/// Without the room that parsing left: of 200,000 users it is tens of megabytes.
fn exact<T>(mut list: Vec<T>) -> Vec<T> {
    list.shrink_to_fit();
    list
}

/// An element of a list of users.
#[derive(Debug)]
pub(super) enum Row {
    Whole(Person),
    /// JSON, and no whole user: which one, and what is wrong.
    Odd(Option<Uuid>, ShapeError),
}

/// Reads an element. One that is no whole user is kept as such, so that it spoils no other.
pub(super) fn element(rest: Rest<'_>) -> Result<Option<(Row, usize)>, Failure> {
    let odd = |error| {
        let mut values = Deserializer::from_slice(rest.bytes()).into_iter::<Value>();
        // Anything else than a whole value is told by the next try, with more bytes.
        let Some(Ok(value)) = values.next() else { return Ok(None) };
        let id = value["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        Ok(Some((Row::Odd(id, error), values.byte_offset())))
    };
    match list::element::<UserRow>(rest) {
        Ok(None) => Ok(None),
        Ok(Some((row, length))) => {
            let id = row.id;
            let row = row.person().map_or_else(|error| Row::Odd(Some(id), error), Row::Whole);
            Ok(Some((row, length)))
        }
        Err(Failure::Shape(error)) => odd(error),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "10000000-0000-4000-8000-000000000001";

    fn sample() -> Value {
        let path = format!("{}/tests/data/qrs/user_full.json", env!("CARGO_MANIFEST_DIR"));
        let users: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        users[0].clone()
    }

    fn read(json: &Value) -> Row {
        let text = format!("{json},");
        let (row, length) = element(Rest::Text(&text)).unwrap().expect("a whole element");
        assert_eq!(length, text.len() - 1);
        row
    }

    fn whole(json: &Value) -> Person {
        match read(json) {
            Row::Whole(person) => person,
            Row::Odd(id, error) => panic!("{id:?} {error}"),
        }
    }

    fn with(field: &str, value: Value) -> Value {
        let mut row = sample();
        row[field] = value;
        row
    }

    fn without(field: &str) -> Value {
        let mut row = sample();
        row.as_object_mut().unwrap().shift_remove(field);
        row
    }

    #[test]
    fn a_whole_user() {
        let mut row = sample();
        row["attributes"].as_array_mut().unwrap().extend([
            json!({"attributeType": "Group", "attributeValue": "admins"}),
            json!({"attributeType": "email", "attributeValue": null}),
        ]);
        row["roles"] = json!(["RootAdmin"]);
        row["blacklisted"] = true.into();
        let expected = Person {
            id: ID.parse().unwrap(),
            directory: "CORP".into(),
            user_id: "user01".into(),
            name: "User01".into(),
            roles: Some(vec!["RootAdmin".into()]),
            groups: Some(vec!["staff".into(), "admins".into()]),
            tags: vec!["License do not release".into()],
            properties: vec![("LicenseManage".into(), "do-not-release".into())],
            inactive: false,
            blocked: true,
            removed_externally: false,
        };
        assert_eq!(whole(&row), expected);
    }

    #[test]
    fn null_or_absent_is_none_where_that_is_safe() {
        assert_eq!(whole(&with("tags", json!([]))).tags, []);
        assert_eq!(whole(&with("customProperties", json!([]))).properties, []);
        for field in ["tags", "customProperties"] {
            for row in [with(field, Value::Null), without(field)] {
                let Row::Odd(Some(_), error) = read(&row) else { panic!("{field} is not known") };
                assert!(error.to_string().contains(field) || row[field].is_null(), "{error}");
            }
        }
        for row in [with("roles", Value::Null), without("roles")] {
            assert_eq!(whole(&row).roles, None, "unknown is not none");
        }
        for row in [with("attributes", Value::Null), without("attributes")] {
            assert_eq!(whole(&row).groups, None);
        }
        assert_eq!(whole(&with("attributes", json!([]))).groups, Some(vec![]));
        for row in [with("name", Value::Null), without("name"), with("brandNew", json!({}))] {
            whole(&row);
        }
    }

    #[test]
    fn what_is_not_whole_is_not_read() {
        let mut rows: Vec<Value> = Vec::new();
        for field in ["userId", "userDirectory"] {
            rows.extend([without(field), with(field, Value::Null), with(field, " ".into())]);
            rows.push(with(field, 5.into()));
        }
        for field in ["inactive", "blacklisted", "removedExternally"] {
            rows.extend([without(field), with(field, Value::Null), with(field, "false".into())]);
        }
        for list in [json!({}), json!("x"), json!(false)] {
            for field in ["tags", "customProperties", "roles", "attributes"] {
                rows.push(with(field, list.clone()));
            }
        }
        for tag in [json!({}), json!("x"), json!({"name": null}), Value::Null] {
            rows.push(with("tags", json!([{"name": "a"}, tag])));
        }
        for entry in [
            json!({"value": "x"}),
            json!({"value": "x", "definition": null}),
            json!({"value": "x", "definition": {}}),
            json!({"value": "x", "definition": {"name": null}}),
            json!({"definition": {"name": "P"}}),
            json!({"value": null, "definition": {"name": "P"}}),
            json!({"value": ["x"], "definition": {"name": "P"}}),
            json!(5),
        ] {
            rows.push(with("customProperties", json!([entry])));
        }
        for entry in [
            json!({"attributeValue": "staff"}),
            json!({"attributeType": null, "attributeValue": "staff"}),
            json!({"attributeType": "group"}),
            json!({"attributeType": "GROUP", "attributeValue": 5}),
        ] {
            rows.push(with("attributes", json!([entry])));
        }
        rows.push(with("roles", json!(["a", null])));
        for row in &rows {
            match read(row) {
                Row::Odd(Some(id), _) => assert_eq!(id.to_string(), ID, "{row}"),
                other => panic!("{row} was read as {other:?}"),
            }
        }
        for row in
            [json!({}), json!([]), Value::Null, json!(5), without("id"), with("id", 5.into())]
        {
            assert!(matches!(read(&row), Row::Odd(None, _)), "{row}");
        }
    }

    #[test]
    fn a_half_user_is_waited_for() {
        let text = with("inactive", "SECRET".into()).to_string();
        for end in 0..text.len() {
            assert!(element(Rest::Bytes(&text.as_bytes()[..end])).unwrap().is_none(), "{end}");
        }
        let (row, _) = element(Rest::Text(&text)).unwrap().unwrap();
        let Row::Odd(_, error) = row else { panic!() };
        assert!(!error.to_string().contains("SECRET"), "{error}");
        assert!(matches!(element(Rest::Text("{\"id\":x")), Err(Failure::NotJson(_))));
    }
}
