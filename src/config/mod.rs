//! Settings: the YAML file as written (Butler's tree and key names) and the validated settings
//! that the rest of the program takes.

pub mod schedule;
pub mod secret;
pub mod settings;

pub use schedule::Schedule;
pub use secret::Secret;
pub use settings::Settings;

/// Name of the only site when the file has no `sites` list.
pub const DEFAULT_SITE: &str = "default";
