//! `GET /v1/systeminfo`: which product and version a site runs. It is another service than the repository, with
//! a port of its own; the client certificate is the same.

use serde::Deserialize;

use super::answer::Whole;
use super::loose::Any;
use super::{Client, Error, Patience, json};
use crate::license::{SenseVersion, ShapeError};

/// What is read of the answer, which has some hundred bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Every text may be missing: which of them there are differs from version to version.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct SystemInfo {
    content_hash: Any<Option<Box<str>>>,
    sense_id: Any<Option<Box<str>>>,
    version: Any<Option<Box<str>>>,
    deployment_type: Any<Option<Box<str>>>,
    release_label: Any<Option<Box<str>>>,
    deprecated_product_version: Any<Option<Box<str>>>,
    product_name: Any<Option<Box<str>>>,
    copyright_year_range: Any<Option<Box<str>>>,
}

impl Client {
    /// `GET /v1/systeminfo`; the client is one of [`of_system`](Self::of_system).
    ///
    /// # Errors
    /// See [`Error`]. An answer without any of the texts is none.
    pub async fn system_info(&self, patience: Patience) -> Result<SenseVersion, Error> {
        self.ask_system(patience).await.map_err(|error| Error::OfSystem(Box::new(error)))
    }

    async fn ask_system(&self, patience: Patience) -> Result<SenseVersion, Error> {
        let path = "systeminfo";
        let body = self.get(path, &[], || Whole::up_to(MOST_BYTES), patience).await?;
        let info: SystemInfo =
            json::object(&body.value).map_err(|failure| failure.error(self.shown(path)))?;
        let text = |text: Any<Option<Box<str>>>| text.0.map(String::from);
        let version = SenseVersion {
            content_hash: text(info.content_hash),
            sense_id: text(info.sense_id),
            version: text(info.version),
            deployment_type: text(info.deployment_type),
            release_label: text(info.release_label),
            deprecated_product_version: text(info.deprecated_product_version),
            product_name: text(info.product_name),
            copyright_year_range: text(info.copyright_year_range),
            ..SenseVersion::default()
        };
        if version.texts().iter().all(|(_, text)| text.is_none()) {
            let error = ShapeError::new("what Qlik Sense says of its version", "none of it");
            return Err(Error::shape(&self.shown(path), error));
        }
        Ok(version)
    }
}
