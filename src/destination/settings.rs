//! What the settings of several destinations have.

use std::path::Path;

use crate::secret::Secret;

#[derive(Debug, Clone, PartialEq)]
pub struct BasicAuth {
    pub username: String,
    pub password: Secret,
}

/// A file with certificates, and the setting that names it.
pub(crate) struct CertificateFile<'a> {
    /// Such as `Butler.influxDb.certCA`.
    pub(crate) setting: String,
    pub(crate) file: &'a Path,
    pub(crate) role: CertificateRole<'a>,
}

pub(crate) enum CertificateRole<'a> {
    Authority,
    Client { key: &'a Path, key_setting: String },
}

impl<'a> CertificateFile<'a> {
    pub(crate) fn authority(setting: impl Into<String>, file: &'a Path) -> Self {
        Self { setting: setting.into(), file, role: CertificateRole::Authority }
    }
}
