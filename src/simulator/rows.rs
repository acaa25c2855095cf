//! Users and seats in JSON, fields in the server's order.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::{Seat, User};
use super::scenario::{DeletedUser, Quirks};
use super::wire::{Id, Stamp, StampOrNone, id_from, named_id};

const SYNC_USER: &str = "INTERNAL\\sa_repository";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRef<'a> {
    id: Id,
    user_id: &'a str,
    user_directory: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_directory_connector_name: Option<&'a str>,
    name: &'a str,
    privileges: (),
}

impl<'a> UserRef<'a> {
    pub(crate) fn new(user: &'a User, quirks: &Quirks) -> Self {
        Self {
            id: Id(user.id),
            user_id: &user.user_id,
            user_directory: &user.directory,
            user_directory_connector_name: quirks
                .with_connector_name
                .then_some(user.directory.as_str()),
            name: &user.name,
            privileges: (),
        }
    }
}

/// A row of `/qrs/license/...accesstype/full`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatRow<'a> {
    id: Id,
    created_date: Stamp,
    modified_date: Stamp,
    modified_by_user_name: &'a str,
    /// Outer: whether the field is there; inner: `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Option<UserRef<'a>>>,
    last_used: StampOrNone,
    #[serde(skip_serializing_if = "Option::is_none")]
    excess: Option<bool>,
    quarantined: bool,
    quarantine_end: StampOrNone,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_user_directory: Option<&'a str>,
    privileges: (),
    schema_path: &'static str,
}

impl<'a> SeatRow<'a> {
    pub(crate) fn new(
        seat: &'a Seat,
        user: Option<&'a User>,
        quirks: &Quirks,
        with_excess: bool,
    ) -> Self {
        let with_deleted = quirks.with_deleted_user_fields;
        let (directory, id) =
            seat.deleted_user.as_ref().map_or(("", ""), |(d, i)| (d.as_str(), i.as_str()));
        let user = match (user, quirks.deleted_user) {
            (Some(user), _) => Some(Some(UserRef::new(user, quirks))),
            (None, DeletedUser::Null) => Some(None),
            (None, DeletedUser::Missing) => None,
        };
        Self {
            id: Id(seat.id),
            created_date: Stamp(seat.created),
            modified_date: Stamp(seat.modified),
            modified_by_user_name: &seat.modified_by,
            user,
            last_used: StampOrNone(seat.last_used),
            excess: (with_excess && seat.kind != super::SeatKind::User).then_some(seat.excess),
            quarantined: seat.quarantined_until.is_some(),
            quarantine_end: StampOrNone(seat.quarantined_until),
            deleted_user_id: with_deleted.then_some(id),
            deleted_user_directory: with_deleted.then_some(directory),
            privileges: (),
            schema_path: seat.kind.schema_path(),
        }
    }
}

/// A row of `/qrs/user/full`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRow<'a> {
    id: Id,
    created_date: Stamp,
    modified_date: Stamp,
    modified_by_user_name: &'static str,
    custom_properties: Vec<PropertyRow<'a>>,
    user_id: &'a str,
    user_directory: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_directory_connector_name: Option<&'a str>,
    name: &'a str,
    roles: &'a [String],
    attributes: Vec<AttributeRow<'a>>,
    inactive: bool,
    removed_externally: bool,
    blacklisted: bool,
    delete_prohibited: bool,
    tags: Vec<NamedRow<'a>>,
    favorites: [(); 0],
    privileges: (),
    schema_path: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PropertyRow<'a> {
    id: Id,
    created_date: Stamp,
    modified_date: Stamp,
    modified_by_user_name: &'static str,
    value: &'a str,
    definition: DefinitionRow<'a>,
    schema_path: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionRow<'a> {
    id: Id,
    name: &'a str,
    value_type: &'static str,
    choice_values: [&'a str; 1],
    privileges: (),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttributeRow<'a> {
    id: Id,
    created_date: Stamp,
    modified_date: Stamp,
    modified_by_user_name: &'static str,
    attribute_type: &'static str,
    attribute_value: &'a str,
    external_id: &'static str,
    schema_path: &'static str,
}

#[derive(Debug, Serialize)]
struct NamedRow<'a> {
    id: Id,
    name: &'a str,
    privileges: (),
}

impl<'a> UserRow<'a> {
    pub(crate) fn new(user: &'a User, quirks: &Quirks) -> Self {
        let (created, modified) = (Stamp(user.created), Stamp(user.modified));
        // Ids of a user's own entries follow from the user's.
        let own = |n: usize| Id(id_from(user.id.as_u128().wrapping_add(n as u128 + 1)));
        let properties = user.custom_properties.iter().enumerate();
        let groups = user.groups.iter().enumerate();
        Self {
            id: Id(user.id),
            created_date: created,
            modified_date: modified,
            modified_by_user_name: SYNC_USER,
            custom_properties: properties
                .map(|(n, (name, value))| PropertyRow {
                    id: own(n),
                    created_date: created,
                    modified_date: modified,
                    modified_by_user_name: "CORP\\admin01",
                    value,
                    definition: DefinitionRow {
                        id: Id(named_id("property", name)),
                        name,
                        value_type: "Text",
                        choice_values: [value],
                        privileges: (),
                    },
                    schema_path: "CustomPropertyValue",
                })
                .collect(),
            user_id: &user.user_id,
            user_directory: &user.directory,
            user_directory_connector_name: quirks
                .with_connector_name
                .then_some(user.directory.as_str()),
            name: &user.name,
            roles: &user.roles,
            attributes: groups
                .map(|(n, group)| AttributeRow {
                    id: own(1000 + n),
                    created_date: created,
                    modified_date: modified,
                    modified_by_user_name: SYNC_USER,
                    attribute_type: "group",
                    attribute_value: group,
                    external_id: "",
                    schema_path: "UserAttribute",
                })
                .collect(),
            inactive: user.inactive,
            removed_externally: user.removed_externally,
            blacklisted: user.blacklisted,
            delete_prohibited: user.directory == "INTERNAL",
            tags: user
                .tags
                .iter()
                .map(|name| NamedRow { id: Id(named_id("tag", name)), name, privileges: () })
                .collect(),
            favorites: [],
            privileges: (),
            schema_path: "User",
        }
    }
}

/// The short form of a row: these fields of the long one, those that it has.
pub(super) fn condensed(row: &Value, fields: &[&str]) -> Value {
    fields.iter().filter_map(|name| Some(((*name).to_owned(), row.get(*name)?.clone()))).collect()
}

/// An object that is only referred to.
pub(super) fn reference(id: Uuid, name: &str) -> Value {
    json!({ "id": id.to_string(), "name": name, "privileges": null })
}
