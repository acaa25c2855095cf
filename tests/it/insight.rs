//! `insight` against data that nobody here made up, and against standard implementations.
//! Where both come from is told in `tests/data/insight/README.md`.

mod calibration;
mod capacity;
mod figures;
mod made;
mod properties;
mod reference;
