//! Templates of payloads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::SecretText;

/// The template of a payload.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PayloadTemplate {
    /// The template itself, or the name of a shipped one. Empty: the built-in payload.
    pub(crate) template: String,
    /// File with the template, in the place of `template`.
    pub(crate) template_file: String,
    /// What it makes, which decides how values are escaped: `application/json` (default),
    /// `text/plain`, `text/html` ...
    pub(crate) content_type: String,
    /// Values for the template, as `values.NAME`.
    pub(crate) values: Vec<TemplateValue>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TemplateValue {
    /// Its name in the template: `values.NAME`.
    #[schemars(example = &"routingKey")]
    pub(crate) name: String,
    /// The value, kept secret.
    pub(crate) value: SecretText,
}
