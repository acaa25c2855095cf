//! Seats and the people who hold them.

use std::collections::HashMap;

use tokio::time::Instant;
use uuid::Uuid;

use super::{Client, Error, Reading};
use crate::license::{Seat, SeatType};
use crate::release::plan::PersonRead;

impl Client {
    /// All seats of a type, compared with the count.
    ///
    /// # Errors
    /// See [`Error`]; a row that is no seat is an error of the whole list.
    pub async fn seats(
        &self,
        _seat_type: SeatType,
        _deadline: Instant,
    ) -> Result<Reading<Vec<Seat>>, Error> {
        unimplemented!("read")
    }

    /// One seat; `None` when the site answers 404.
    ///
    /// # Errors
    /// See [`Error`]; an answer that is another seat is [`Error::UnexpectedShape`].
    pub async fn seat(
        &self,
        _seat_type: SeatType,
        _id: Uuid,
        _deadline: Instant,
    ) -> Result<Option<Seat>, Error> {
        unimplemented!("read")
    }

    /// The seats of a type that a user holds, quarantined ones included.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn seats_of(
        &self,
        _seat_type: SeatType,
        _user: Uuid,
        _deadline: Instant,
    ) -> Result<Vec<Seat>, Error> {
        unimplemented!("read")
    }

    /// These users in full: an entry for each id that was asked for.
    pub async fn people(&self, _ids: &[Uuid], _deadline: Instant) -> HashMap<Uuid, PersonRead> {
        unimplemented!("read")
    }

    /// One user in full.
    pub async fn person(&self, _id: Uuid, _deadline: Instant) -> PersonRead {
        unimplemented!("read")
    }

    /// A digest of the license's number or key, equal for sites that share it; `None` without a
    /// license. The number itself never leaves the parser.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn license_fingerprint(&self, _deadline: Instant) -> Result<Option<String>, Error> {
        unimplemented!("read")
    }
}
