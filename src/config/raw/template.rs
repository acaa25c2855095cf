//! Templates of payloads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretText;

/// The template of a payload.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct PayloadTemplate {
    /// The template itself, or the name of a shipped one. Empty: the built-in payload.
    pub(in crate::config) template: String,
    /// File with the template, in the place of `template`.
    pub(in crate::config) template_file: String,
    /// What it makes, which decides how values are escaped: `application/json` (default),
    /// `text/plain`, `text/html` ...
    pub(in crate::config) content_type: String,
    /// Values for the template, as `values.NAME`.
    pub(in crate::config) values: Vec<TemplateValue>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct TemplateValue {
    /// Its name in the template: `values.NAME`.
    #[schemars(example = &"routingKey")]
    pub(in crate::config) name: String,
    /// The value, kept secret.
    pub(in crate::config) value: SecretText,
}
