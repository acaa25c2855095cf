//! Settings: the YAML file as written (Butler's tree and key names) and the validated settings
//! that the rest of the program takes.
//!
//! ```text
//! text -> node (YAML with places) -> older (keys of older Butlers at today's place)
//!      -> shape (against the schema of the raw structs) -> raw structs -> validate -> Settings
//! ```
//!
//! Every stage goes on after an error, so that all of them are reported at once.

mod certificates;
mod describe;
mod explain;
mod known;
mod left_out;
mod load;
mod older;
mod raw;
mod routes;
mod rules;
mod schema;
pub mod settings;
mod shape;
mod unheard;
mod validate;

pub use certificates::{
    CertificateExpiry, Files, certificate_expiries, certificate_files, check_certificates,
    key_files,
};
pub use describe::{default_yaml, reference_markdown};
pub use explain::explain;
pub use load::{Loaded, Needs, load, load_broken, load_text, store_of_broken};
pub use older::{Migrated, migrate};
pub use rules::load_rules;
pub use schema::json_schema;
pub use settings::Settings;
pub use unheard::{Unheard, takers};
pub use validate::log_level;

pub use crate::settings::{
    Environment, FixedEnvironment, Problem, Problems, Severity, SystemEnvironment,
};

/// Name of the only site when the file has no `sites` list.
pub const DEFAULT_SITE: &str = "default";
