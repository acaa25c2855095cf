//! The service of Windows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Install, Run, Status, Uninstall};
use crate::cli::run::{Start, serve};
use crate::cli::{Exit, block_on, read_with_files, time};
use crate::config::{Loaded, key_files};
use crate::daemon::logging;
use crate::daemon::service::rights::{Grant, Right};
use crate::daemon::service::windows::{self as service, Ended};
use crate::daemon::service::{NAME, settings_of};

/// The folder that is the service's alone.
fn own_folder() -> Option<PathBuf> {
    std::env::var_os("ProgramData").map(|folder| Path::new(&folder).join("Bursar"))
}

/// What the service needs, folders before what is in them.
fn grants(file: &Path, loaded: &Loaded) -> Vec<Grant> {
    let (own, settings) = (own_folder(), &loaded.settings);
    let own = own.as_deref();
    let storage = &settings.storage;
    let store = storage.path.parent().map(Path::to_owned);
    let reports =
        settings.reports.as_ref().zip(store.as_ref()).map(|(of, store)| store.join(&of.folder));
    let mut folders: Vec<PathBuf> = own.map(Path::to_owned).into_iter().collect();
    folders.extend(store);
    folders.extend([storage.backup_folder()]);
    folders.extend(settings.log.directory.clone());
    folders.extend(reports);
    folders.retain(|folder| folder.is_absolute());
    folders.sort();
    folders.dedup();
    let mut all: Vec<Grant> =
        folders.iter().map(|folder| Grant::new(folder, Right::Modify, own)).collect();
    let certificates = own.map(|own| own.join("certificates"));
    all.extend(certificates.map(|folder| Grant::new(&folder, Right::ReadFolder, own)));
    let mut files = vec![file.to_owned()];
    files.extend(key_files(settings).into_iter().map(|(_, key)| key));
    files.extend(loaded.secret_files());
    all.extend(files.iter().map(|file| Grant::new(file, Right::ReadFile, own)));
    all
}

impl Install {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        let file = std::path::absolute(&self.config.file)?;
        let (loaded, _) = match crate::cli::load_with_files(&file, false) {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let mut wrong = service::install(&file)?;
        outln!("service {NAME} installed");
        let grants = grants(&file, &loaded);
        // So that its rights are there before the first start.
        for grant in grants.iter().filter(|grant| grant.right == Right::Modify) {
            let _ = std::fs::create_dir_all(&grant.path);
        }
        wrong.extend(service::give_rights(&grants));
        for wrong in &wrong {
            errln!("{}", crate::plain::one_line(wrong));
        }
        if self.now {
            if service::start()? {
                outln!("started");
            } else {
                outln!("it runs already, as it was: sc stop {NAME}, then sc start {NAME}");
            }
        } else {
            outln!("start it with: sc start {NAME}");
        }
        Ok(if wrong.is_empty() { Exit::Ok } else { Exit::NotInOrder })
    }
}

impl Uninstall {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        service::uninstall()?;
        outln!("service {NAME} removed; settings and store stay");
        Ok(Exit::Ok)
    }
}

impl Status {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        let known = service::known()?;
        // It stops without an error then, so that it is not started again.
        let file = known.command.as_deref().filter(|_| !known.runs).and_then(settings_of);
        if let Some(Err(problems)) = file.map(|file| read_with_files(&file, false)) {
            errln!("its settings can't be used:\n{problems}");
        }
        self.tell(&known)
    }
}

impl Run {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        let file = self.config.file;
        // The service manager is told first, and all else is done as the service.
        service::run(move |stop, on_its_way| {
            // A panic is an end with an error, which the event log tells and the service manager mends.
            let ended = crate::cli::with_stack(|| watch(&file, stop, on_its_way));
            ended.unwrap_or_else(|why| Ended::Failed(anyhow::anyhow!("a fault of bursar: {why}")))
        })?;
        Ok(Exit::Ok)
    }
}

/// What the service does, until it is told to stop.
fn watch(file: &Path, stop: CancellationToken, on_its_way: &(dyn Fn() + Sync)) -> Ended {
    let (loaded, files) = match read_with_files(file, false) {
        Ok(loaded) => loaded,
        Err(problems) => return Ended::Refused(problems.to_string()),
    };
    if time::adopt(&loaded.settings).is_err() {
        return Ended::Refused("the store is that of a demo".to_owned());
    }
    on_its_way();
    let guard = match logging::start(&loaded.settings.log) {
        Ok(guard) => guard,
        Err(error) => return Ended::Failed(error),
    };
    // The default is a folder in %ProgramData% that nobody else makes. Without it, the daemon
    // says what is wrong.
    if let Some(folder) = loaded.settings.storage.path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let start = Start { stop, reloads: Arc::default(), level: None };
    let result = block_on(serve(loaded, files, time::clock(), start)).and_then(|result| result);
    if let Err(error) = &result {
        tracing::error!("{error:#}");
    }
    drop(guard);
    result.map_or_else(Ended::Failed, |()| Ended::Stopped)
}
