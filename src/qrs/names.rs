//! What a site has names for: tags and custom properties.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::loose::Name;
use super::{Client, Error, Patience};

#[derive(Debug, Deserialize)]
struct TagRow {
    name: Name,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionRow {
    name: Name,
    /// Null or empty: any value may be written.
    #[serde(default)]
    choice_values: Option<BTreeSet<Box<str>>>,
}

/// One request each, without a count: names that are missing cost a warning too many, and the names
/// that matter come with the people that have them.
impl Client {
    /// The names of all tags that Bursar's account may see.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn tags(&self, patience: Patience) -> Result<BTreeSet<Box<str>>, Error> {
        let rows: Vec<TagRow> = self.get_json("tag", &[], patience).await?.value;
        Ok(rows.into_iter().map(|row| row.name.0).collect())
    }

    /// The custom properties that Bursar's account may see, with the values that may be chosen.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn custom_properties(
        &self,
        patience: Patience,
    ) -> Result<BTreeMap<Box<str>, BTreeSet<Box<str>>>, Error> {
        let path = "custompropertydefinition/full";
        let rows: Vec<DefinitionRow> = self.get_json(path, &[], patience).await?.value;
        let values = |row: DefinitionRow| (row.name.0, row.choice_values.unwrap_or_default());
        Ok(rows.into_iter().map(values).collect())
    }
}
