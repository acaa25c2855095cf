//! The unit of systemd, made of the one that is shipped.

use std::path::{Component, Path, PathBuf};

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

/// Folders that the service may not write to as a whole.
const TOO_WIDE: [&str; 8] = ["/", "/etc", "/usr", "/var", "/var/lib", "/boot", "/srv", "/opt"];

/// What differs from the unit that is shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// An absolute path.
    pub program: PathBuf,
    /// An absolute path.
    pub settings: PathBuf,
    /// Absolute paths of folders that the daemon writes to.
    pub writes: Vec<PathBuf>,
    /// Absolute paths of files that the settings refer to.
    pub reads: Vec<PathBuf>,
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
        let in_a_line = |text: &str| {
            !text.chars().any(char::is_control) && text.trim() == text && !text.ends_with('\\')
        };
        if !file.to_str().is_some_and(in_a_line) {
            return Err(format!("a unit can't name {}: rename it", file.display()));
        }
        Ok(Self { name: name.to_owned(), file })
    }
}

impl Unit {
    /// The file.
    pub fn text(&self) -> String {
        let (program, settings) = (program(&self.program), argument(&self.settings));
        let mut text = format!("{MARK}\n");
        for line in SHIPPED.lines() {
            let line = line
                .replace("/usr/bin/bursar ", &format!("{program} "))
                .replace("/etc/bursar/bursar.yaml", &settings);
            text.push_str(&line);
            text.push('\n');
            if line == "[Service]" {
                for credential in &self.credentials {
                    // All behind the colon is the path, as it is.
                    let file = specifiers(&credential.file);
                    text.push_str(&format!("LoadCredential={}:{file}\n", credential.name));
                }
                for folder in self.opened() {
                    // A folder that is not there yet keeps nothing from starting: the daemon says what is wrong.
                    text.push_str(&format!("ReadWritePaths=-{}\n", listed(&folder)));
                }
            }
        }
        text
    }

    /// Folders to open for writing beside those that the unit has by itself.
    fn opened(&self) -> impl Iterator<Item = PathBuf> {
        self.writes
            .iter()
            .map(|folder| plain(folder))
            .filter(|folder| !OWN.iter().any(|own| folder.starts_with(own)))
    }

    /// Whether each path has a way to be written in a unit; where not, there is no [`text`](Self::text).
    pub fn can_be_written(&self) -> bool {
        let files = [&self.program, &self.settings].into_iter().chain(&self.writes);
        files.into_iter().all(|path| can_be_named(path)) && !holds(&self.program, '$')
    }

    /// Why the service could not work, each with what to do.
    pub fn obstacles(&self) -> Vec<String> {
        let of = |what, paths: &'static _, path| (what, paths, path);
        let program = of("the program", "/usr/local/bin/bursar", &self.program);
        let settings = of("the settings", "/etc/bursar", &self.settings);
        let reads =
            self.reads.iter().map(|file| of("what the settings refer to", "/etc/bursar", file));
        let writes =
            self.writes.iter().map(|folder| of("what it writes", "/var/lib/bursar", folder));
        let mut found = Vec::new();
        for (what, better, path) in [program, settings].into_iter().chain(reads).chain(writes) {
            // Where a link leads counts, too.
            let real = std::fs::canonicalize(path).unwrap_or_else(|_| plain(path));
            let hidden = HIDDEN
                .iter()
                .find(|hidden| plain(path).starts_with(hidden) || real.starts_with(hidden));
            if let Some(hidden) = hidden {
                found.push(format!(
                    "{what}: {} is in {hidden}, which the service does not see: move it, such as to {better}",
                    path.display(),
                ));
            }
            if what == "what it writes"
                && TOO_WIDE.iter().any(|wide| plain(path) == Path::new(wide))
            {
                found.push(format!(
                    "{what}: {} would be open for writing as a whole: use a folder of its own, such as {better}",
                    path.display()
                ));
            }
            if !can_be_named(path) || what == "the program" && holds(path, '$') {
                found.push(format!("{what}: a unit can't name {}: rename it", path.display()));
            }
        }
        found
    }
}

/// Without `.`, `..` and double slashes, as far as names tell.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

fn holds(path: &Path, c: char) -> bool {
    path.to_string_lossy().contains(c)
}

/// Whether each setting of a unit has a way to write it.
fn can_be_named(path: &Path) -> bool {
    path.to_str().is_some_and(|text| {
        let both_quotes = text.contains('"') && text.contains('\'');
        !text.chars().any(char::is_control) && !both_quotes && !text.ends_with('\\')
    })
}

fn specifiers(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

/// As `ExecStart=` takes an argument for one word: it knows variables and backslashes.
fn argument(path: &Path) -> String {
    words(&specifiers(path).replace('$', "$$"))
}

/// As `ExecStart=` takes the program: no variables.
fn program(path: &Path) -> String {
    words(&specifiers(path))
}

fn words(text: &str) -> String {
    if text.contains([' ', '"', '\'', '\\', ';']) {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{text}\"");
    }
    text.to_owned()
}

/// As a list of paths takes it for one: quotes, and backslashes are themselves.
fn listed(path: &Path) -> String {
    let text = specifiers(path);
    match (text.contains([' ', '\'']), text.contains('"')) {
        (_, true) => format!("'{text}'"),
        (true, false) => format!("\"{text}\""),
        (false, false) => text,
    }
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
            ..Unit::default()
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
            writes: vec!["/tmp/store".into(), "/srv/../tmp/x".into()],
            reads: vec!["/home/anna/client_key.pem".into(), "/etc/bursar/client.pem".into()],
            ..Unit::default()
        };
        let found = unit.obstacles();
        assert_eq!(found.len(), 5, "{found:#?}");
        assert!(found[0].contains("/usr/local/bin/bursar"), "{found:#?}");
    }

    #[test]
    fn a_credential_is_a_name_and_a_whole_path() {
        let lines = "token:/x\nExecStartPre=/bin/sh";
        for wrong in [
            "token",
            "token:relative",
            ":/x",
            "a/b:/x",
            "../x:/x",
            ".x:/x",
            lines,
            "x:/x ",
            "x:/x\\",
        ] {
            assert!(Credential::parse(wrong).is_err(), "{wrong}");
        }
    }
}
