//! The only place that can change a Qlik site. Only `release` may use it.
//!
//! Every request is sent at most once, also by the layers below: reqwest's retries are switched
//! off, and hyper takes another connection only for a request of which it wrote nothing. There is
//! no HTTP/2, whose servers can hand a request back, and no redirect is followed.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::answer::{BodyError, Whole, change_error, fill, is_html};
use super::error::NotJson;
use super::seats::SeatRow;
use super::transport::{HttpResponse, May};
use super::{Client, Error, json as parse};
use crate::license::{Seat, SeatType, ShapeError};

/// Most bytes of the seat that a POST answers.
const MAX_ANSWER: usize = 1024 * 1024;

/// Sends what changes a site: each request once, never repeated on its own.
#[derive(Debug, Clone)]
pub struct Writer {
    client: Client,
}

impl Writer {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// `DELETE license/...accesstype/{id}`, once, answered by the deadline or never, and not at all
    /// where `may` says no when its turn among the requests to the site has come. Returns the
    /// status that was answered. Only reading the seat again tells what happened.
    ///
    /// # Errors
    /// See [`Error`]; any answer but 2xx is one. After any error the seat may be gone all the same:
    /// read it.
    pub async fn deallocate(
        &self,
        seat_type: SeatType,
        id: Uuid,
        deadline: Instant,
        may: &(dyn Fn() -> bool + Sync),
    ) -> Result<u16, Error> {
        let path = format!("{}/{id}", seat_type.path());
        let answer = self.send(Method::DELETE, &path, None, deadline, Some(may)).await?;
        let status = answer.response.status();
        if status.is_success() { Ok(status.as_u16()) } else { Err(refusal(answer).await) }
    }

    /// `POST license/...accesstype` for a user, once. A seat of theirs in quarantine comes back.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Refused`] holds the server's words, such as of a broken rule. After
    /// an error without an answer the seat may exist all the same: read it.
    pub async fn allocate(
        &self,
        seat_type: SeatType,
        user: Uuid,
        deadline: Instant,
        may: &(dyn Fn() -> bool + Sync),
    ) -> Result<Seat, Error> {
        let path = seat_type.path();
        let body = json!({ "user": { "id": user.to_string() } });
        let mut answer = self.send(Method::POST, path, Some(&body), deadline, Some(may)).await?;
        if !matches!(answer.response.status(), StatusCode::OK | StatusCode::CREATED) {
            return Err(refusal(answer).await);
        }
        let url = answer.shown.clone();
        if is_html(&answer.response) {
            return Err(Error::NotJson { url, body: NotJson::Html });
        }
        let mut whole = Whole::up_to(MAX_ANSWER);
        match fill(&mut answer.response, &mut whole, self.client.inner.transport.echo.clone()).await
        {
            Ok(()) => {}
            Err(BodyError::Stopped(stop)) => return Err(stop.error(url)),
            Err(BodyError::Broken(error)) => return Err(answer.broken(&error)),
        }
        let row =
            parse::object::<SeatRow>(&whole.body).map_err(|failure| failure.error(url.clone()))?;
        let seat = row.seat(seat_type).map_err(|error| Error::shape(&url, error))?;
        if seat.holder.as_ref().is_none_or(|holder| holder.id != user) {
            let error = ShapeError::new("a seat of the user that was named", "another seat");
            return Err(Error::shape(&url, error));
        }
        Ok(seat)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        deadline: Instant,
        may: Option<&May<'_>>,
    ) -> Result<HttpResponse<'_>, Error> {
        let key = self.client.xrfkey();
        let transport = &self.client.inner.transport;
        transport.send(method, path, &[], body, &key, Some(deadline), may).await
    }
}

async fn refusal(answer: HttpResponse<'_>) -> Error {
    change_error(answer.response, answer.shown, answer.server_date).await
}
