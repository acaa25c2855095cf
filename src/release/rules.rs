//! Who keeps a seat whatever happens.

use super::plan::Keep;
use super::policy::NeverRelease;
use crate::license::Person;

/// [`NeverRelease`], ready to be asked many times.
#[derive(Debug, Clone)]
pub struct Rules {}

impl Rules {
    /// Compares without regard to case, as Qlik does.
    pub fn new(_never_release: &NeverRelease) -> Self {
        Self {}
    }

    /// Every rule that keeps this person's seats, in the order of [`Keep`].
    pub fn keeping(&self, _person: &Person) -> Vec<Keep> {
        unimplemented!("rules")
    }
}
