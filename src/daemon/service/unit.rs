//! The unit of systemd, made of the one that is shipped.

use std::path::{Path, PathBuf};

/// The unit as packages have it.
const SHIPPED: &str = include_str!("../../../deploy/systemd/bursar.service");

/// The user that it runs as, for systemd-sysusers.
pub const SYSUSERS: &str = include_str!("../../../deploy/systemd/bursar.sysusers");

/// How a unit begins that [`Unit::text`] made: others are not touched.
pub const MARK: &str = "# Written by bursar service install; bursar service uninstall removes it.";

/// Folders that the unit may write to without being told: systemd makes them.
const OWN: [&str; 2] = ["/var/lib/bursar", "/var/log/bursar"];

/// Folders that the unit hides from the program.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// What differs from the unit that is shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// An absolute path.
    pub program: PathBuf,
    /// An absolute path.
    pub settings: PathBuf,
    /// Absolute paths of folders that the daemon writes to.
    pub writes: Vec<PathBuf>,
    pub credentials: Vec<Credential>,
}

/// A secret that only root can read where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub name: String,
    /// An absolute path.
    pub file: PathBuf,
}

impl Credential {
    /// `NAME:FILE`, as systemd's `LoadCredential` has it.
    ///
    /// # Errors
    /// When it isn't that.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once(':').ok_or("write NAME:FILE")?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(format!("{name:?} is no name: write letters, digits, -, _ and ."));
        }
        let file = PathBuf::from(file);
        if !file.is_absolute() {
            return Err(format!("write the whole path of {}", file.display()));
        }
        Ok(Self { name: name.to_owned(), file })
    }
}

impl Unit {
    /// The file.
    pub fn text(&self) -> String {
        let (program, settings) = (quoted(&self.program), quoted(&self.settings));
        let mut text = format!("{MARK}\n");
        for line in SHIPPED.lines() {
            let line = line
                .replace("/usr/bin/bursar ", &format!("{program} "))
                .replace("/etc/bursar/bursar.yaml", &settings);
            text.push_str(&line);
            text.push('\n');
            if line == "[Service]" {
                for credential in &self.credentials {
                    let file = quoted(&credential.file);
                    text.push_str(&format!("LoadCredential={}:{file}\n", credential.name));
                }
                for folder in self.opened() {
                    // A folder that is not there yet keeps nothing from starting: the daemon says what is wrong.
                    text.push_str(&format!("ReadWritePaths=-{}\n", quoted(folder)));
                }
            }
        }
        text
    }

    /// Folders to open for writing beside those that the unit has by itself.
    fn opened(&self) -> impl Iterator<Item = &Path> {
        self.writes
            .iter()
            .map(PathBuf::as_path)
            .filter(|folder| !OWN.iter().any(|own| folder.starts_with(own)))
    }

    /// Why the service could not work, each with what to do.
    pub fn obstacles(&self) -> Vec<String> {
        let hides = |path: &Path| HIDDEN.iter().find(|hidden| path.starts_with(hidden)).copied();
        let files = [("the program", &self.program), ("the settings", &self.settings)];
        let folders = self.writes.iter().map(|folder| ("what it writes", folder));
        let mut found = Vec::new();
        for (what, path) in files.into_iter().chain(folders) {
            if let Some(hidden) = hides(path) {
                found.push(format!(
                    "{what}: {} is in {hidden}, which the service does not see: move it, such as \
                     to {}",
                    path.display(),
                    match what {
                        "the program" => "/usr/local/bin/bursar",
                        "the settings" => "/etc/bursar",
                        _ => "/var/lib/bursar",
                    }
                ));
            }
            if path.to_str().is_none_or(|text| text.chars().any(char::is_control)) {
                found.push(format!("{what}: a unit can't name {}: rename it", path.display()));
            }
        }
        found
    }
}

/// As systemd takes it for one word, without specifiers and variables.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%").replace('$', "$$");
    if text.contains([' ', '"', '\'', '\\', ';']) {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{text}\"");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> Unit {
        Unit {
            program: "/usr/bin/bursar".into(),
            settings: "/etc/bursar/bursar.yaml".into(),
            ..Unit::default()
        }
    }

    #[test]
    fn in_the_usual_places_it_is_the_one_that_is_shipped() {
        assert_eq!(unit().text(), format!("{MARK}\n{SHIPPED}"));
        assert_eq!(unit().obstacles(), Vec::<String>::new());
    }

    #[test]
    fn elsewhere_it_names_what_differs() {
        let unit = Unit {
            program: "/opt/my tools/bursar".into(),
            settings: "/srv/100%/b.yaml".into(),
            writes: vec!["/var/lib/bursar/x".into(), "/srv/the store".into()],
            credentials: vec![Credential::parse("token:/etc/secrets/token").unwrap()],
        };
        let text = unit.text();
        for line in [
            "ExecStart=\"/opt/my tools/bursar\" run -c /srv/100%%/b.yaml",
            "ExecReload=\"/opt/my tools/bursar\" reload -c /srv/100%%/b.yaml",
            "[Service]\nLoadCredential=token:/etc/secrets/token\nReadWritePaths=-\"/srv/the store\"\nType=notify",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}\n{text}");
        }
        assert_eq!(text.matches("ReadWritePaths").count(), 1, "{text}");
    }

    #[test]
    fn what_the_service_can_not_see_is_told() {
        let unit = Unit {
            program: "/home/anna/bursar".into(),
            settings: "/root/b.yaml".into(),
            writes: vec!["/tmp/store".into()],
            ..Unit::default()
        };
        let found = unit.obstacles();
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].contains("/usr/local/bin/bursar"), "{found:#?}");
    }

    #[test]
    fn a_credential_is_a_name_and_a_whole_path() {
        for wrong in ["token", "token:relative", ":/x", "a/b:/x", "../x:/x", ".x:/x"] {
            assert!(Credential::parse(wrong).is_err(), "{wrong}");
        }
    }
}
