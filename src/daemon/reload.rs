//! Reading the settings again while the daemon runs.
//!
//! Every few seconds the file of the settings and all that it refers to is looked at, by content: events of the file
//! system miss editors, mounts and the links of Kubernetes. What changed is read, checked, compared with what is in
//! force, and all of it that can fail is built; only then something is stopped or started, which can't fail. Settings
//! with anything wrong change nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::running::Running;
use super::{Shared, logging, take_over, warn_of_orphans};
use crate::config::{self, Files, Loaded, Problems, Settings, check_certificates};
use crate::input::{self, Seen};
use crate::plain::one_line;
use crate::secret::mask_own;
use crate::store::{InForce, RefusedSettings, StoreError};

/// Two looks so far apart have to find the same where somebody asks, who has written the file.
const SETTLED: Duration = Duration::from_millis(100);

/// So often it is looked whether a file that goes on changing is at rest; then it waits for the next time.
const LOOKS: u32 = 20;

/// So long a file has to be as it is before it is read without anybody's word, if looks are not closer.
const AT_REST: Duration = Duration::from_secs(10);

/// After so long it is looked again at a file that went on changing, where seats are about to be taken.
const BETWEEN: Duration = Duration::from_secs(1);

/// Problems that are kept of a file; whoever writes more has the log.
const MOST_PROBLEMS: usize = 50;

/// Changes that are told one by one; a thousand new sites are not.
const MOST_CHANGES: usize = 50;

fn some_of(changed: &[String]) -> String {
    let told = changed[..changed.len().min(MOST_CHANGES)].join("; ");
    match changed.len().saturating_sub(MOST_CHANGES) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// Who is about to take seats has the files looked at first: whom they protect since the last look counts, too.
#[derive(Debug, Clone)]
pub(super) struct Looks(mpsc::Sender<Answer>);

/// Hears whether what the files hold is in force, or refused.
type Answer = oneshot::Sender<bool>;

impl Looks {
    pub(super) fn new() -> (Self, mpsc::Receiver<Answer>) {
        let (looks, asked) = mpsc::channel(1);
        (Self(looks), asked)
    }

    /// Returns once what the files hold is in force, or refused. False where `stop` came, as it does for whom other settings are in
    /// force then, or where nobody looks any more.
    pub(super) async fn settled(&self, site: &str, stop: &CancellationToken) -> bool {
        let mut is_told = false;
        loop {
            let looked = async {
                let (answer, answered) = oneshot::channel();
                self.0.send(answer).await.ok()?;
                answered.await.ok()
            };
            let Some(looked) = stop.run_until_cancelled(looked).await else { return false };
            match looked {
                Some(true) => return !stop.is_cancelled(),
                Some(false) => {}
                None => {
                    tracing::error!(
                        site,
                        "nobody looks at the settings any more: no seat is released; start the daemon anew"
                    );
                    return false;
                }
            }
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(
                    site,
                    "somebody is writing the settings: no seat is released before they are at rest"
                );
            }
            if stop.run_until_cancelled(sleep(BETWEEN)).await.is_none() {
                return false;
            }
        }
    }
}

/// Why it is looked at the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It is time.
    Time,
    /// Seats are about to be taken.
    Run,
    /// Somebody has written them, and says so.
    Word,
}

pub(super) struct Reloads {
    shared: Shared,
    running: Running,
    /// A log level that holds whatever the file says.
    level: Option<LevelFilter>,
    wake: Arc<Notify>,
    before_runs: mpsc::Receiver<Answer>,
    state: InForce,
    /// What the files held when they were read last, in force or refused.
    seen: Option<Seen>,
    /// What those held that are in force.
    in_force: Option<Seen>,
    /// What they held at the last look, where that is not what was read: somebody may still be writing.
    pending: Option<(Seen, Instant)>,
}

/// What became of reading the settings again.
enum Outcome {
    /// Somebody is writing the file.
    Unsettled,
    InForce(Box<Settings>, Vec<config::Problem>),
    Refused(Vec<String>),
}

impl Reloads {
    pub(super) async fn new(
        shared: Shared,
        running: Running,
        level: Option<LevelFilter>,
        wake: Arc<Notify>,
        before_runs: mpsc::Receiver<Answer>,
    ) -> Result<Self, StoreError> {
        let (settings, now) = (shared.settings(), shared.clock.now());
        // With the certificates, which are looked at by themselves.
        let of = settings.clone();
        let seen = tokio::task::spawn_blocking(move || {
            let certificates = input::seeing(|| check_certificates(&of, now)).1;
            of.seen.clone().map(|seen| certificates.with(seen))
        });
        let seen = seen.await.unwrap_or_default();
        let state = InForce {
            started: shared.since,
            file: std::path::absolute(&settings.file)
                .unwrap_or_else(|_| settings.file.clone())
                .display()
                .to_string(),
            since: now,
            hash: seen.as_ref().map(Seen::hash).unwrap_or_default(),
            tried: None,
            changed: Vec::new(),
            warnings: Vec::new(),
            needs_restart: Vec::new(),
            refused: None,
        };
        let done = shared.store.wish().await?.asked;
        shared.store.note_reload(&state, done).await?;
        Ok(Self {
            shared,
            running,
            level,
            wake,
            before_runs,
            state,
            in_force: seen.clone(),
            pending: None,
            seen,
        })
    }

    /// Looks until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let every = self.every();
            let (why, answer) = tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => (Why::Word, None),
                Some(answer) = self.before_runs.recv() => (Why::Run, Some(answer)),
                () = sleep(every) => (Why::Time, None),
            };
            // What is asked for from here on is asked for again.
            let wish = self.shared.store.wish().await.ok().map(|wish| wish.asked);
            // What is in hand is finished: settings are in force as a whole, or not at all.
            let looked = self.look(why).await;
            if looked && why == Why::Word {
                self.note(wish).await;
            }
            if let Some(answer) = answer {
                // Who asked may have been stopped by what was found.
                let _ = answer.send(looked);
            }
        }
    }

    fn every(&self) -> Duration {
        self.shared.settings().reload_every
    }

    /// Looks at the files; whether that led to an outcome. Without being asked nothing is read that didn't change.
    async fn look(&mut self, why: Why) -> bool {
        let Some(seen) = self.seen.clone() else {
            self.state.tried = Some(self.shared.clock.now());
            return true;
        };
        let Some(now) = again(&seen).await else { return false };
        if why != Why::Word && now == seen {
            self.pending = None;
            return true;
        }
        if why != Why::Word {
            // Who writes a file bit by bit is not read half-way: the next look has to find the same, and not too soon. A
            // list of protected people that ends too early protects too few.
            let (found, since) = self.pending.get_or_insert_with(|| (now.clone(), Instant::now()));
            if *found != now {
                self.pending = Some((now, Instant::now()));
                return false;
            }
            if since.elapsed() < self.shared.settings().reload_every.min(AT_REST) {
                return false;
            }
        }
        let mut before = now;
        for _ in 0..LOOKS {
            sleep(SETTLED).await;
            let Some(now) = again(&seen).await else { return false };
            if now == before {
                return self.read(now).await;
            }
            before = now;
        }
        tracing::debug!("the settings go on changing; they are looked at again later");
        false
    }

    /// Reads the settings, of which the files hold `expected`, and puts them in force if nothing is wrong.
    async fn read(&mut self, expected: Seen) -> bool {
        let (file, now) = (self.shared.settings().file.clone(), self.shared.clock.now());
        let (in_force, level) = (self.shared.settings(), self.level);
        let read = tokio::task::spawn_blocking(move || {
            let (read, seen) = input::seeing(|| {
                let loaded = config::load(&file)?;
                let files = loaded.files(now);
                Ok::<_, Problems>((loaded, files))
            });
            let outcome = if seen.is_same(&expected, &file) {
                judge(read, &in_force, level, now)
            } else {
                Outcome::Unsettled
            };
            (outcome, seen)
        });
        let Ok((outcome, seen)) = read.await else { return false };
        let outcome = match outcome {
            Outcome::Unsettled => return false,
            Outcome::InForce(settings, warnings) => {
                self.commit(*settings, &seen, &warnings).await.err()
            }
            Outcome::Refused(problems) => Some(problems),
        };
        self.state.tried = Some(now);
        self.pending = None;
        match outcome {
            None => {
                self.state.hash = seen.hash();
                self.in_force = Some(seen.clone());
                self.state.refused = None;
            }
            Some(problems) => self.refuse(problems, now),
        }
        self.seen = Some(seen);
        self.note(None).await;
        true
    }

    fn refuse(&mut self, problems: Vec<String>, now: chrono::DateTime<chrono::Utc>) {
        let known = self.state.refused.as_ref();
        if known.is_none_or(|refused| refused.problems != problems) {
            tracing::error!(
                "the settings in {} are not put in force, those of before stay: {}",
                self.state.file,
                problems.join("; ")
            );
        }
        let since = known.map_or(now, |refused| refused.since);
        self.state.refused = Some(RefusedSettings { since, problems });
    }

    /// Puts settings in force.
    ///
    /// # Errors
    /// What of them can't be made; nothing is changed then.
    async fn commit(
        &mut self,
        mut settings: Settings,
        seen: &Seen,
        warnings: &[config::Problem],
    ) -> Result<(), Vec<String>> {
        let before = self.shared.settings();
        let needs_restart = keep(&mut settings, &before);
        let is_same = |file: &std::path::Path| {
            self.in_force.as_ref().is_some_and(|in_force| in_force.is_same(seen, file))
        };
        let built = self.running.build(&settings, is_same)?;
        let rest = others(&before, &settings);
        let level = settings.log.level;
        let mut changed = self.running.commit(settings, built).await;
        changed.extend(rest);
        logging::set_level(level);

        let was_refused = self.state.refused.is_some();
        let warnings: Vec<String> =
            warnings.iter().map(|warning| told(&warning.to_string())).collect();
        for warning in warnings.iter().filter(|_| !changed.is_empty()) {
            tracing::warn!("{warning}");
        }
        let unheard = self.shared.settings().unheard();
        let unheard: Vec<_> =
            unheard.iter().map(|of| format!("{}; {}", of.what(), of.fix)).collect();
        let all = warnings.into_iter().chain(unheard.iter().cloned());
        self.state.warnings = all.take(MOST_PROBLEMS).collect();
        match changed.as_slice() {
            [] if was_refused => {
                tracing::info!("the settings in {} can be used again", self.state.file);
            }
            [] => tracing::info!("the settings were read again: nothing changed"),
            changed => tracing::info!("other settings are in force: {}", some_of(changed)),
        }
        for setting in &needs_restart {
            tracing::warn!("{setting} was changed: it is in force after a restart");
        }
        let addressing = self.shared.addressing.now();
        if let Err(error) = take_over(&self.shared.store, &addressing).await {
            tracing::error!(%error, "what waits for destinations that are set up now can't be handed over");
        }
        if !changed.is_empty() {
            if let Err(error) = warn_of_orphans(&self.shared).await {
                tracing::error!(%error, "queues can't be looked at");
            }
            for unheard in unheard {
                tracing::warn!("{unheard}");
            }
            self.state.since = self.shared.clock.now();
        }
        self.state.changed = changed.into_iter().take(MOST_CHANGES).collect();
        self.state.needs_restart = needs_restart;
        Ok(())
    }

    async fn note(&self, wish: Option<i64>) {
        if let Err(error) = self.shared.store.note_reload(&self.state, wish.unwrap_or(0)).await {
            tracing::error!(%error, "what is in force can't be stored");
        }
    }
}

async fn again(seen: &Seen) -> Option<Seen> {
    let seen = seen.clone();
    tokio::task::spawn_blocking(move || seen.again()).await.ok()
}

/// What is to be done with settings that were read.
fn judge(
    read: Result<(Loaded, Files), Problems>,
    in_force: &Settings,
    level: Option<LevelFilter>,
    now: chrono::DateTime<chrono::Utc>,
) -> Outcome {
    let (loaded, files) = match read {
        Ok(read) => read,
        Err(problems) => return Outcome::Refused(texts(problems.errors())),
    };
    // What is broken with the settings in force, too, is no reason to keep the others out.
    let what = |problem: &config::Problem| (problem.path.clone(), problem.what.clone());
    let known = check_certificates(in_force, now);
    let known: BTreeSet<_> = known.errors().map(what).collect();
    let (left_out, before) = (left_out(&loaded.settings), left_out(in_force));
    let is_more = !left_out.is_subset(&before);
    let is_new = |problem: &&config::Problem| match loaded.left_out().contains(problem) {
        true => is_more,
        false => !known.contains(&what(problem)),
    };
    let new: Vec<_> = files.errors().filter(is_new).collect();
    if !new.is_empty() {
        return Outcome::Refused(texts(new.into_iter()));
    }
    let settings = loaded.settings;
    let mut settings = settings;
    if let Some(level) = level {
        settings.log.level = level;
    }
    Outcome::InForce(Box::new(settings), loaded.warnings)
}

/// What is left out for want of something that it refers to: sites and queues by name.
fn left_out(settings: &Settings) -> BTreeSet<(&str, &str)> {
    let sites = settings.sites.iter().filter(|site| site.connection.missing.is_some());
    let sites = sites.map(|site| ("site", site.name.as_str()));
    let queues = settings.destinations.waiting.iter();
    sites.chain(queues.map(|waiting| ("queue", waiting.queue.id.as_str()))).collect()
}

fn texts<'a>(problems: impl Iterator<Item = &'a config::Problem>) -> Vec<String> {
    problems.take(MOST_PROBLEMS).map(|problem| told(&problem.to_string())).collect()
}

/// As it is kept and shown: on one line, and without secrets.
fn told(text: &str) -> String {
    mask_own(&one_line(text)).into_owned()
}

/// Keeps what can't be changed while the daemon runs, and names what was to be changed of it.
fn keep(settings: &mut Settings, before: &Settings) -> Vec<String> {
    let mut needs_restart = Vec::new();
    let (now, was) = (&mut settings.storage, &before.storage);
    if now.path != was.path {
        needs_restart.push("Butler.storage.path".to_owned());
        now.path.clone_from(&was.path);
    }
    if (now.outbox, now.set_aside) != (was.outbox, was.set_aside) {
        needs_restart.push("Butler.storage.outbox".to_owned());
        (now.outbox, now.set_aside) = (was.outbox, was.set_aside);
    }
    let (now, was) = (&mut settings.log, &before.log);
    let level = now.level;
    now.level = was.level;
    if now != was {
        needs_restart.push("where and how the log is written".to_owned());
        now.clone_from(was);
    }
    now.level = level;
    needs_restart
}

/// What changed beside sites, destinations, pages and reports, in words.
fn others(before: &Settings, now: &Settings) -> Vec<String> {
    let all = [
        ("the log level", before.log.level != now.log.level),
        ("the time zone", before.time_zone != now.time_zone),
        ("the locale", before.locale != now.locale),
        ("how long the history is kept", before.storage.history != now.storage.history),
        ("backups of the store", before.storage.backup != now.storage.backup),
        ("costs and contracts", (&before.cost, &before.contracts) != (&now.cost, &now.contracts)),
        (
            "alerts",
            (&before.alert, &before.alert_destination) != (&now.alert, &now.alert_destination),
        ),
        ("names in reports", before.report_names != now.report_names),
        ("who sees the pages, and by which names", before.web != now.web),
        ("how often settings are looked at", before.reload_every != now.reload_every),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what.to_owned()).collect()
}
