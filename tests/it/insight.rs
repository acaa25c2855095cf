//! `insight` against data that nobody here made up, and against standard implementations.
//! Where both come from is told in `tests/data/insight/README.md`.

mod capacity;
mod figures;
mod properties;
mod reference;
