//! The number of a form with which something is ordered: it names one order, and fits no other.

use axum::http::StatusCode;
use chrono_tz::Tz;

use super::answer::Failure;
use super::wording::local;
use crate::credential::fingerprint;
use crate::plain::one_line;
use crate::store::{Ordered, PageOrder};

/// What an order of a form is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    /// Who orders it.
    pub(super) by: &'a str,
    pub(super) site: &'a str,
    pub(super) what: Ordered,
    pub(super) run: &'a str,
    /// Of the plan; empty where there is none.
    pub(super) digest: &'a str,
}

impl About<'_> {
    /// The number of the form. The same until something was ordered: the same form twice is one order. `newest`:
    /// the last order of the site.
    pub(super) fn number(&self, newest: i64) -> String {
        let Self { by, site, what, run, digest } = self;
        let what: &str = what.into();
        let of = fingerprint(&format!("{by}\n{site}\n{what}\n{run}\n{digest}\n{newest}"));
        format!("{newest}-{of}")
    }

    /// Whether the number is that of a form about this.
    ///
    /// # Errors
    /// When it is of another form, or of none.
    pub(super) fn fits(&self, number: &str) -> Result<(), Failure> {
        let newest = number.split_once('-').and_then(|(newest, _)| newest.parse().ok());
        if newest.is_some_and(|newest| self.number(newest) == number) {
            return Ok(());
        }
        let text = "The form isn't one for this order, so nothing was done: load the page of releases again.";
        Err(refused("Not done", text.to_owned()))
    }
}

/// Says that a form was sent before, and what came of it: nothing is done again.
pub(super) fn sent_before(order: &PageOrder, zone: Tz) -> Failure {
    let what = match order.what {
        Ordered::Apply => "to apply the plan of run",
        Ordered::Undo => "to give back the seats of run",
    };
    let state = match (&order.outcome, order.taken) {
        (Some(outcome), _) => outcome.clone(),
        (None, Some(_)) => "it is under way".to_owned(),
        (None, None) => "it waits for the release engine".to_owned(),
    };
    let (run, given) = (&order.run, local(order.time, zone));
    refused(
        "Already sent",
        one_line(&format!(
            "This was already sent on {given}: order {} {what} {run}. What came of it: {state}. Nothing was done again.",
            order.id
        )),
    )
}

/// It was understood, and is not done.
pub(super) fn refused(title: &'static str, text: String) -> Failure {
    Failure::Refused(StatusCode::CONFLICT, title, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_fits_the_order_that_it_was_made_for_and_no_other() {
        let (by, site, run) = ("olga", "main", "1");
        let apply = About { by, site, what: Ordered::Apply, run, digest: "d" };
        for newest in [0, 17] {
            assert!(apply.fits(&apply.number(newest)).is_ok());
        }
        for other in [
            About { by: "otto", ..apply },
            About { site: "test", ..apply },
            About { what: Ordered::Undo, ..apply },
            About { run: "2", ..apply },
            About { digest: "e", ..apply },
        ] {
            assert!(apply.fits(&other.number(17)).is_err(), "{other:?}");
        }
        for number in ["", "17", "17-", "x-y", &apply.number(17).replacen("17", "18", 1)] {
            assert!(apply.fits(number).is_err(), "{number}");
        }
    }
}
