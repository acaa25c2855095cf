//! `sites`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alerting, QlikSenseLicense, QlikSenseVersion};
use crate::destination::switches::raw::NameValue;
use crate::qrs::settings::raw::{Cert, ConfigQrs};

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Site {
    /// Name of the site, unique; letters, digits, `-`, `_` and `.`.
    #[schemars(example = &"prod")]
    pub(in crate::config) name: String,
    /// Keys of `configQRS` that differ for this site.
    #[serde(rename = "configQRS")]
    pub(in crate::config) config_qrs: ConfigQrs,
    /// Keys of `cert` that differ for this site.
    pub(in crate::config) cert: Cert,
    /// InfluxDB tags of this site's points.
    pub(in crate::config) tags: Vec<NameValue>,
    /// Keys of `qlikSenseLicense` that differ for this site.
    pub(in crate::config) qlik_sense_license: QlikSenseLicense,
    /// Keys of `qlikSenseVersion` that differ for this site.
    pub(in crate::config) qlik_sense_version: QlikSenseVersion,
    /// Keys of `alert` that differ for this site.
    pub(in crate::config) alert: Alerting,
}
