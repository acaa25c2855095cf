//! How settings are read, whatever they are of: the YAML file as a tree that knows where each value
//! stands, the machine that it may ask, and what sections check alike. Each room reads its own
//! section with these; [`crate::config`] puts the sections together.

mod check;
mod environment;
mod mistake;
pub(crate) mod node;
mod problem;
pub(crate) mod reference;
mod secret_text;

pub(crate) use check::{At, Check, MISSING, is_token, list, schedule};
pub use environment::{Environment, FixedEnvironment, SystemEnvironment};
pub use problem::{Problem, Problems, Severity};
pub(crate) use secret_text::SecretText;
