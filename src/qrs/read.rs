//! What is asked of the repository service, and what counts as an answer.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Whole;
use super::json::{self, Failure};
use super::list::{self, Limits};
use super::wire::{About, Count};
use super::{Client, Error, Filter, Patience, Reading};
use crate::license::DateOrder;
use crate::license::{self, Pools, ServerLicense};

/// Most bytes of a single object: the largest known one, a license, has a few kilobytes.
const MAX_OBJECT: usize = 4 * 1024 * 1024;

/// Most rows of a list, whatever the site counts.
const MAX_ROWS: u64 = 1_000_000;

/// So many bytes of a list for each row that the site counts: an allocation has 700.
const ROW_BYTES: u64 = 4 * 1024;

/// So many rows may come between the count and the list, and rows may be so much larger than usual in a short
/// list.
const MORE_ROWS: u64 = 1_000;

/// What a list may hold that the site itself counts so many rows of.
fn limits(counted: u64, element: usize) -> Limits {
    let rows = counted.min(MAX_ROWS) + MORE_ROWS;
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Limits { bytes: size(rows * ROW_BYTES).max(element), element, rows: size(rows) }
}

/// Every method retries by itself, as its [`Patience`] says; a single try is bounded by the request
/// timeout.
impl Client {
    /// Whether the service answers at all, and how fast.
    ///
    /// # Errors
    /// See [`Error`]; `requiresBootstrap` is not looked at.
    pub async fn ping(&self, patience: Patience) -> Result<Reading<()>, Error> {
        Ok(self.about(patience).await?.map(drop))
    }

    /// `GET /qrs/about`: the version, the site's clock and the latency.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn about(&self, patience: Patience) -> Result<Reading<About>, Error> {
        self.get_object("about", &[], patience).await
    }

    /// `GET /qrs/license`, free of secrets.
    ///
    /// # Errors
    /// See [`Error`]. No license at all is not an error but [`license::server::Kind::None`].
    pub async fn server_license(
        &self,
        order: DateOrder,
        patience: Patience,
    ) -> Result<ServerLicense, Error> {
        let path = "license";
        let answer: Value = self.get_json(path, &[], patience).await?.value;
        let answer = license::wire::License::parse(&answer)
            .map_err(|error| Error::shape(&self.shown(path), error))?;
        Ok(ServerLicense::read(answer.as_ref(), order))
    }

    /// `GET /qrs/license/accesstypeoverview`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pools(&self, patience: Patience) -> Result<Pools, Error> {
        let path = "license/accesstypeoverview";
        let answer: Value = self.get_json(path, &[], patience).await?.value;
        Pools::read(&answer).map_err(|error| Error::shape(&self.shown(path), error))
    }

    /// How many rows of `entity` (such as `user` or `license/professionalaccesstype`) match.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn count(
        &self,
        entity: &str,
        filter: Option<&Filter>,
        patience: Patience,
    ) -> Result<u64, Error> {
        let filter = filter.map(Filter::to_string);
        let query: Vec<_> = filter.iter().map(|text| ("filter", text.as_str())).collect();
        let count: Reading<Count> =
            self.get_object(&format!("{entity}/count"), &query, patience).await?;
        Ok(count.value.value)
    }

    /// All rows of `entity` that match, in full. The list is compared with `/count`, because
    /// security rules and limits of the server cut lists in silence; rows that came between the
    /// two questions are allowed for by asking both once more.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Incomplete`] when the list stays short.
    pub async fn list_full<T: DeserializeOwned>(
        &self,
        entity: &str,
        filter: Option<&Filter>,
        patience: Patience,
    ) -> Result<Reading<Vec<T>>, Error> {
        self.list(entity, filter, (list::element::<T>, MAX_OBJECT), patience).await
    }

    /// [`list_full`](Self::list_full) with another way to read an element, and its most bytes.
    pub(super) async fn list<T>(
        &self,
        entity: &str,
        filter: Option<&Filter>,
        (parse, element): (list::Parse<T>, usize),
        patience: Patience,
    ) -> Result<Reading<Vec<T>>, Error> {
        let path = format!("{entity}/full");
        let text = filter.map(Filter::to_string);
        let query: Vec<_> = text.iter().map(|text| ("filter", text.as_str())).collect();
        let mut again = true;
        loop {
            // First, because it bounds what is read of the list.
            let counted = self.count(entity, filter, patience).await?;
            let form = list::Form { parse, limits: limits(counted, element) };
            let rows = self
                .get(&path, &query, || list::Reader::new(form, self.progress()), patience)
                .await?;
            let listed = rows.value.len();
            if listed as u64 >= counted {
                return Ok(rows);
            }
            if !std::mem::take(&mut again) {
                return Err(Error::Incomplete { url: self.shown(&path), listed, counted });
            }
        }
    }

    /// Any single answer as it is; `null` only if `T` takes it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        patience: Patience,
    ) -> Result<Reading<T>, Error> {
        let body = self.get(path, query, || Whole::up_to(MAX_OBJECT), patience).await?;
        self.parsed(path, body, json::parse::<T>)
    }

    pub(super) async fn get_object<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        patience: Patience,
    ) -> Result<Reading<T>, Error> {
        let body = self.get(path, query, || Whole::up_to(MAX_OBJECT), patience).await?;
        self.parsed(path, body, json::object::<T>)
    }

    fn parsed<T>(
        &self,
        path: &str,
        body: Reading<Vec<u8>>,
        parse: impl FnOnce(&[u8]) -> Result<T, Failure>,
    ) -> Result<Reading<T>, Error> {
        let value = parse(&body.value).map_err(|failure| failure.error(self.shown(path)))?;
        Ok(body.map(|_| value))
    }

    pub(super) fn shown(&self, path: &str) -> String {
        self.inner.transport.shown(path)
    }
}
