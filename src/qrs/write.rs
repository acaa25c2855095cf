//! The only place that can change a Qlik site. Only `release` may use it.

use tokio::time::Instant;
use uuid::Uuid;

use super::{Client, Error};
use crate::license::{Seat, SeatType};

/// Sends what changes a site: each request once, never repeated on its own.
#[derive(Debug, Clone)]
pub struct Writer {
    client: Client,
}

/// What a DELETE was answered. Only reading the seat again tells what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// 204.
    Accepted,
    /// 404: no such seat.
    NotFound,
}

impl Writer {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// `DELETE license/...accesstype/{id}`, once.
    ///
    /// # Errors
    /// See [`Error`]. After any error the seat may be gone all the same: read it.
    pub async fn deallocate(
        &self,
        _seat_type: SeatType,
        _id: Uuid,
        _deadline: Instant,
    ) -> Result<Deleted, Error> {
        let _ = &self.client;
        unimplemented!("write")
    }

    /// `POST license/...accesstype` for a user, once. A seat of theirs in quarantine comes back.
    ///
    /// # Errors
    /// See [`Error`]. After an error without an answer the seat may exist all the same: read it.
    pub async fn allocate(
        &self,
        _seat_type: SeatType,
        _user: Uuid,
        _deadline: Instant,
    ) -> Result<Seat, Error> {
        unimplemented!("write")
    }
}
