//! The unit of systemd in its place: written, enabled, asked, removed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use chrono::NaiveDateTime;

use super::Known;
use super::unit::{MARK, SYSUSERS, Unit};
use crate::output::{self, Existing};

/// Name of the unit.
pub const UNIT: &str = "bursar.service";

/// The user that the unit runs as.
pub const USER: &str = "bursar";

const OURS: &str = "etc/systemd/system/bursar.service";
const OF_PACKAGES: [&str; 2] =
    ["usr/lib/systemd/system/bursar.service", "lib/systemd/system/bursar.service"];
const SYSUSERS_FILE: &str = "etc/sysusers.d/bursar.conf";
const SYSUSERS_OF_PACKAGES: &str = "usr/lib/sysusers.d/bursar.conf";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/bursar.service";

/// How it writes a time.
const TIME: &str = "%a %Y-%m-%d %H:%M:%S UTC";

/// Of which system: this one, or the one in a folder, of which files alone are made.
#[derive(Debug, Clone)]
pub struct System {
    root: PathBuf,
    runs: bool,
}

/// Who wrote the unit.
enum Author {
    Command,
    Package,
    Hand,
}

impl System {
    /// This system.
    pub fn this() -> Self {
        Self { root: "/".into(), runs: true }
    }

    /// The system in a folder: an image, or a trial. Nothing is started or asked there.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), runs: false }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The unit that counts, and who wrote it.
    fn unit(&self) -> anyhow::Result<Option<(PathBuf, Author)>> {
        let ours = self.file(OURS);
        match fs::read_to_string(&ours) {
            Ok(text) if text.starts_with(MARK) => return Ok(Some((ours, Author::Command))),
            Ok(_) => return Ok(Some((ours, Author::Hand))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", ours.display()));
            }
        }
        let packaged = OF_PACKAGES.iter().map(|path| self.file(path)).find(|path| path.exists());
        Ok(packaged.map(|path| (path, Author::Package)))
    }

    /// Why nothing can be installed or removed here at all.
    pub fn refusals(&self) -> Vec<String> {
        if !self.runs {
            let is_folder = self.root.is_dir();
            return Vec::from_iter(
                (!is_folder).then(|| format!("{} is no folder", self.root.display())),
            );
        }
        let mut found = Vec::new();
        if !rustix::process::geteuid().is_root() {
            found.push("only root may do this: sudo, or su".to_owned());
        }
        if !Path::new("/run/systemd/system").is_dir() {
            found.push(
                "systemd doesn't run this system; in a container, run the program itself: bursar run"
                    .to_owned(),
            );
        }
        found
    }

    /// Why a unit can't be written over the one that is there.
    fn keeps(&self) -> anyhow::Result<Option<String>> {
        Ok(match self.unit()? {
            Some((path, Author::Package)) => Some(format!(
                "{} is there already, of a package: systemctl enable --now bursar, and what differs \
                 goes into systemctl edit bursar",
                path.display()
            )),
            Some((path, Author::Hand)) => Some(format!(
                "{} is there already, and not written by this command: move it away first",
                path.display()
            )),
            Some((_, Author::Command)) | None => None,
        })
    }

    /// Makes the user, writes the unit and lets it start with the computer. Says what was done. A unit of this
    /// command's that is there is replaced.
    ///
    /// # Errors
    /// When there is another's unit, or a file can't be written, or systemd refuses.
    pub fn install(&self, unit: &Unit, start: bool) -> anyhow::Result<Vec<String>> {
        if let Some(keeps) = self.keeps()? {
            anyhow::bail!(keeps);
        }
        let mut done = Vec::new();
        let text = unit.text();
        let file = self.file(OURS);
        let was = fs::read_to_string(&file).ok();
        if !self.file(SYSUSERS_OF_PACKAGES).exists() {
            self.write(SYSUSERS_FILE, &format!("{MARK}\n{SYSUSERS}"))?;
        }
        if self.runs {
            run("systemd-sysusers", &[])?;
            done.push(format!("user {USER} is there"));
        }
        if was.as_deref() != Some(&text) {
            self.write(OURS, &text)?;
        }
        done.push(match was {
            None => format!("wrote {}", file.display()),
            Some(was) if was == text => format!("{} is as it was", file.display()),
            Some(_) => format!("wrote {} anew", file.display()),
        });
        if self.runs {
            run("systemctl", &["daemon-reload"])?;
            run("systemctl", &["enable", "--quiet", UNIT])?;
            done.push("it starts with the computer".to_owned());
            if start {
                run("systemctl", &["restart", UNIT])?;
                done.push("it runs".to_owned());
            }
        } else {
            let link = self.file(WANTED);
            if fs::symlink_metadata(&link).is_err() {
                folder_of(&link)?;
                symlink(format!("/{OURS}"), &link)
                    .with_context(|| format!("cannot make {}", link.display()))?;
            }
            done.push("it starts with the computer".to_owned());
        }
        Ok(done)
    }

    /// Which of these files the service can't read. Asks as its user.
    pub fn unreadable(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        let can_read = |file: &PathBuf| {
            let mut asked = Command::new("runuser");
            asked.args(["-u", USER, "--", "test", "-r"]).arg(file);
            // Who can't be asked is not blamed.
            asked.status().map_or(true, |status| status.code() != Some(1))
        };
        if !self.runs {
            return Vec::new();
        }
        files.iter().filter(|file| !can_read(file)).cloned().collect()
    }

    fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        let file = self.file(path);
        folder_of(&file)?;
        let cannot = || format!("cannot write {}", file.display());
        output::write_file(&file, Existing::Replace, text.as_bytes()).with_context(cannot)?;
        // Nothing secret stands there, and whoever looks after services reads it.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).with_context(cannot)
    }

    /// Stops the service and removes what [`install`](Self::install) wrote. Says what was done; settings, store and
    /// user stay.
    ///
    /// # Errors
    /// When there is none, or it is another's, or systemd refuses.
    pub fn uninstall(&self) -> anyhow::Result<Vec<String>> {
        match self.unit()? {
            None => anyhow::bail!("no service is installed"),
            Some((path, Author::Package)) => anyhow::bail!(
                "{} is a package's: remove that (apt-get remove bursar), or systemctl disable --now \
                 bursar",
                path.display()
            ),
            Some((path, Author::Hand)) => anyhow::bail!(
                "{} was not written by this command: systemctl disable --now bursar, and remove it \
                 by hand",
                path.display()
            ),
            Some((_, Author::Command)) => {}
        }
        let mut done = Vec::new();
        if self.runs {
            run("systemctl", &["disable", "--now", "--quiet", UNIT])?;
            done.push("stopped".to_owned());
        } else {
            remove(&self.file(WANTED))?;
        }
        remove(&self.file(OURS))?;
        done.push(format!("removed {}", self.file(OURS).display()));
        let users = self.file(SYSUSERS_FILE);
        if fs::read_to_string(&users).is_ok_and(|text| text.starts_with(MARK)) {
            remove(&users)?;
        }
        if self.runs {
            run("systemctl", &["daemon-reload"])?;
        }
        Ok(done)
    }

    /// How the service is.
    ///
    /// # Errors
    /// When that can't be found out.
    pub fn known(&self) -> anyhow::Result<Known> {
        let mut known = Known { manager: "systemd", ..Known::default() };
        if let Some((path, author)) = self.unit()? {
            known.installed = true;
            known.by = Some(match author {
                Author::Command => "command",
                Author::Package => "package",
                Author::Hand => "hand",
            });
            let text = fs::read_to_string(&path).unwrap_or_default();
            let of =
                |key: &str| text.lines().find_map(|line| line.strip_prefix(key).map(str::to_owned));
            (known.command, known.account) = (of("ExecStart="), of("User="));
            known.unit = Some(path.display().to_string());
            known.enabled = Some(fs::symlink_metadata(self.file(WANTED)).is_ok());
        }
        if self.runs && known.installed && Path::new("/run/systemd/system").is_dir() {
            let properties = "ActiveState,UnitFileState,MainPID,NRestarts,Result,ExecMainStatus,\
                              ActiveEnterTimestamp";
            let said = run("systemctl", &["show", UNIT, "--property", properties])?;
            known.take(&said);
        }
        Ok(known)
    }
}

impl Known {
    /// What `systemctl show` says.
    fn take(&mut self, said: &str) {
        let of = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.filter(|value| !value.is_empty())
        };
        self.enabled = of("UnitFileState").map(|state| state.starts_with("enabled"));
        self.state = of("ActiveState").map(str::to_owned);
        self.runs = matches!(of("ActiveState"), Some("active" | "reloading"));
        let since = of("ActiveEnterTimestamp")
            .and_then(|time| NaiveDateTime::parse_from_str(time, TIME).ok());
        self.since = since.filter(|_| self.runs).map(|since| since.and_utc());
        self.pid = of("MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid != 0);
        self.restarts = of("NRestarts").and_then(|restarts| restarts.parse().ok());
        self.last_result = of("Result").map(|result| match (result, of("ExecMainStatus")) {
            ("exit-code", Some(code)) => format!("exit-code {code}"),
            _ => result.to_owned(),
        });
    }
}

fn folder_of(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Runs a program of the system to its end; gives what it says.
fn run(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let called = || format!("{program} {}", args.join(" "));
    let output = Command::new(program)
        .args(args)
        // Times of every release of systemd then look alike.
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .output()
        .with_context(|| format!("cannot run {}", called()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{} failed: {}", called(), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(said: &str) -> Known {
        let mut known = Known { manager: "systemd", installed: true, ..Known::default() };
        known.take(said);
        known
    }

    #[test]
    fn what_systemd_says_is_told() {
        let known = taken(
            "Result=success\nNRestarts=1\nMainPID=123\nExecMainStatus=0\nActiveState=active\n\
             UnitFileState=enabled\nActiveEnterTimestamp=Sun 2025-11-30 18:10:06 UTC\n",
        );
        assert_eq!(known.line(), "active, starts with the computer");
        assert_eq!((known.pid, known.restarts, known.runs), (Some(123), Some(1), true));
        assert_eq!(known.since.unwrap().timestamp(), 1_764_526_206);
    }

    #[test]
    fn what_failed_is_told_with_its_code() {
        let known = taken(
            "Result=exit-code\nNRestarts=0\nMainPID=0\nExecMainStatus=2\nActiveState=failed\n\
             UnitFileState=disabled\nActiveEnterTimestamp=Sun 2025-11-30 18:10:06 UTC\n",
        );
        assert_eq!(
            known.line(),
            "failed, does not start with the computer, ended with exit-code 2"
        );
        assert_eq!((known.pid, known.runs, known.since), (None, false, None));
    }
}
