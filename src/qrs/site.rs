//! Which site it is that answers.

use serde::Deserialize;
use uuid::Uuid;

use super::{Client, Error, Patience};
use crate::license::SiteIdentity;

/// A row of `servernodeconfiguration`.
#[derive(Debug, Deserialize)]
struct Node {
    id: Uuid,
}

impl Client {
    /// The nodes and the license of the site, as far as the account may read them.
    ///
    /// # Errors
    /// See [`Error`]. That there is no such list, or that the account has no right to read it, is no
    /// error: an old server, or a restricted account.
    pub async fn identity(&self, patience: Patience) -> Result<SiteIdentity, Error> {
        let (nodes, license) = tokio::join!(self.nodes(patience), self.license_mark(patience));
        let license = license?;
        let license = license.as_ref().map(Option::as_deref);
        Ok(SiteIdentity::new(nodes?.into_iter(), license))
    }

    /// As [`identity`](Self::identity), with the license only where there are no nodes to tell the
    /// site by: what a poll needs to know.
    ///
    /// # Errors
    /// As [`identity`](Self::identity).
    pub async fn identity_by_nodes(&self, patience: Patience) -> Result<SiteIdentity, Error> {
        let nodes = self.nodes(patience).await?;
        if !nodes.is_empty() {
            return Ok(SiteIdentity::new(nodes.into_iter(), None));
        }
        let license = self.license_mark(patience).await?;
        Ok(SiteIdentity::new(nodes.into_iter(), license.as_ref().map(Option::as_deref)))
    }

    /// The ids of the nodes; none where they may not be read. Rules of the server leave out of a list
    /// what an account may not see.
    async fn nodes(&self, patience: Patience) -> Result<Vec<String>, Error> {
        let answer = self.get_json::<Vec<Node>>("servernodeconfiguration", &[], patience).await;
        match answer {
            Ok(nodes) => Ok(nodes.value.into_iter().map(|node| node.id.to_string()).collect()),
            Err(error) if is_kept_from_us(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// A digest of the license's number, `Some(None)` without a license; `None` where it may not be
    /// read or has nothing to tell it by.
    async fn license_mark(&self, patience: Patience) -> Result<Option<Option<String>>, Error> {
        match self.license_fingerprint(patience).await {
            Ok(number) => Ok(Some(number)),
            Err(Error::UnexpectedShape { .. }) => Ok(None),
            Err(error) if is_kept_from_us(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_kept_from_us(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. } | Error::Forbidden { .. } | Error::Unauthorized { .. })
}
