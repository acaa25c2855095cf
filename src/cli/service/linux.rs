//! The service of systemd.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Install, Run, Status, Uninstall};
use crate::cli::Exit;
use crate::config::{Loaded, Settings, certificate_files};
use crate::daemon::service::systemd::{System, USER};
use crate::daemon::service::unit::Unit;

fn system(root: Option<&Path>) -> System {
    root.map_or_else(System::this, System::at)
}

/// A path as the system in the folder has it.
fn inside(path: &Path, root: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let Some(root) = root else { return Ok(path) };
    let root = std::path::absolute(root)?;
    Ok(path.strip_prefix(root).map(|inside| Path::new("/").join(inside)).unwrap_or(path))
}

/// Folders that the daemon writes to, but for those in its own place.
fn writes(settings: &Settings) -> Vec<PathBuf> {
    let storage = &settings.storage;
    let folder = storage.path.parent().unwrap_or(Path::new(""));
    let reports = settings.reports.as_ref().map(|reports| folder.join(&reports.folder));
    let all = [folder.to_owned(), storage.backup_folder()];
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in all.into_iter().chain(settings.log.directory.clone()).chain(reports) {
        if folder.is_absolute() && !found.iter().any(|known| folder.starts_with(known)) {
            found.push(folder);
        }
    }
    found
}

fn complain(reasons: &[String]) -> Exit {
    for reason in reasons {
        errln!("bursar: {}", crate::plain::one_line(reason));
    }
    Exit::Failed
}

impl Install {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        let (root, file) = (self.root.as_deref(), &self.config.file);
        let loaded = match crate::cli::load(file, true) {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let program = match &self.program {
            Some(program) => program.clone(),
            None => std::env::current_exe().context("cannot tell where this program is")?,
        };
        let unit = Unit {
            program: inside(&program, root)?,
            settings: inside(file, root)?,
            writes: writes(&loaded.settings),
            reads: reads(&loaded),
            credentials: self.credentials.clone(),
        };
        let system = system(root);
        let mut reasons = unit.obstacles();
        if self.print {
            complain(&reasons);
            if unit.can_be_written() {
                // As it is, without commands made to be pasted.
                crate::terminal::print(format_args!("{}", unit.text()))?;
            }
            return Ok(if reasons.is_empty() { Exit::Ok } else { Exit::NotInOrder });
        }
        reasons.extend(system.refusals());
        if !reasons.is_empty() {
            return Ok(complain(&reasons));
        }
        for line in system.install(&unit, self.now)? {
            outln!("{}", crate::plain::one_line(&line));
        }
        for file in system.unreadable(&read_by_it(file, &loaded)) {
            let file = file.display();
            errln!(
                "{USER} can't read {file}, and so the service can't: chgrp {USER} {file} && chmod \
                 g+r {file}, and let it enter the folders above"
            );
        }
        if !self.now && self.root.is_none() {
            outln!("start it with: systemctl start bursar");
        }
        Ok(Exit::Ok)
    }
}

/// What the settings refer to, by whole paths.
fn reads(loaded: &Loaded) -> Vec<PathBuf> {
    let mut files = certificate_files(&loaded.settings);
    files.extend(loaded.secret_files());
    files.retain(|file| file.is_absolute());
    files
}

/// Files that the service has to read: the settings, certificates, keys, and what they refer to.
fn read_by_it(file: &Path, loaded: &Loaded) -> Vec<PathBuf> {
    let mut files = vec![file.to_owned()];
    files.extend(certificate_files(&loaded.settings));
    files.extend(loaded.secret_files());
    files.retain(|file| file.exists());
    files
}

impl Uninstall {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        let system = system(self.root.as_deref());
        let refusals = system.refusals();
        if !refusals.is_empty() {
            return Ok(complain(&refusals));
        }
        for line in system.uninstall()? {
            outln!("{}", crate::plain::one_line(&line));
        }
        outln!("settings, store and the user {USER} stay");
        Ok(Exit::Ok)
    }
}

impl Status {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        self.tell(&system(self.root.as_deref()).known()?)
    }
}

impl Run {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        errln!("bursar: service run is for Windows; here systemd calls bursar run");
        Ok(Exit::Unusable)
    }
}
