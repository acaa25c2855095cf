//! What runs, by what it was made of: so that other settings stop and start only what differs.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::signs::Signs;
use super::sites::Sites;
use super::{Shared, page, report};
use crate::config::Settings;
use crate::config::settings::{Reports, Site, Web};
use crate::destination::registry::{self, Surroundings};
use crate::destination::{Destination, worker};
use crate::qrs;
use crate::release::settings as release;

/// Everything that settings start and stop.
pub(super) struct Running {
    shared: Shared,
    roots: Roots,
    sites: HashMap<String, OfSite>,
    queues: HashMap<String, Task>,
    page: Option<(Web, Task)>,
    reports: Option<(Reports, Tz, Task)>,
    signs: Signs,
    surroundings: Surroundings,
    connections: qrs::Connections,
    /// What was told to end and may not have: whoever comes under the same name waits for it.
    ending: HashMap<Name, Vec<TaskTracker>>,
}

/// Of what runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Queue(String),
    Pollers(String),
    Releases(String),
}

/// Where all tasks belong. All that is spawned is joined by [`Daemon::stop`](super::Daemon::stop).
#[derive(Debug, Clone, Default)]
pub(super) struct Roots {
    pub(super) stop_polling: CancellationToken,
    pub(super) stop_delivering: CancellationToken,
    pub(super) pollers: TaskTracker,
    pub(super) workers: TaskTracker,
    /// Runs of the release engine: a seat in hand is finished before they end.
    pub(super) releases: TaskTracker,
}

/// What can be stopped by itself, and waited for.
pub(super) struct Task {
    stop: CancellationToken,
    ended: TaskTracker,
}

impl Task {
    pub(super) fn below(root: &CancellationToken) -> Self {
        Self { stop: root.child_token(), ended: TaskTracker::new() }
    }

    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// What is waited for, with the rest of its kind, and by whoever takes its place.
    pub(super) fn spawn(&self, all: &TaskTracker, work: impl Future<Output = ()> + Send + 'static) {
        all.spawn(self.ended.track_future(work));
    }

    /// Tells it to end.
    pub(super) fn end(self) -> TaskTracker {
        self.stop.cancel();
        self.ended.close();
        self.ended
    }
}

/// Whether what is released is for real, where that changes: nobody is to find out from a seat that is gone.
fn releases_now(before: &Site, now: &Site) -> &'static str {
    let is_real = |site: &Site| site.release.enable && !site.release.dry_run;
    match (is_real(before), is_real(now)) {
        (false, true) => ", whose releases are REAL from now on",
        (true, false) => ", which releases nothing any more",
        _ => "",
    }
}

/// A site that is watched. Its parts are stopped and started by themselves.
struct OfSite {
    made_of: (Site, Tz),
    releases_made_of: (release::Site, Tz, bool),
    pollers: Task,
    releases: Task,
}

impl OfSite {
    fn made_of(settings: &Settings, site: &Site) -> ((Site, Tz), (release::Site, Tz, bool)) {
        let zone = settings.time_zone;
        let site_of = settings.release_site_among(site, release::Sites::default());
        let release = (site_of, zone, settings.web.is_some());
        ((site.clone(), zone), release)
    }
}

/// What of other settings could be built, before anything is stopped.
pub(super) struct Built {
    destinations: HashMap<String, Arc<dyn Destination>>,
    clients: HashMap<String, Clients>,
    surroundings: Surroundings,
}

/// What a site is asked with.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) repository: Arc<qrs::Client>,
    pub(super) system: Option<qrs::Client>,
}

impl Running {
    /// Nothing runs yet.
    pub(super) fn nothing(
        shared: Shared,
        roots: Roots,
        surroundings: Surroundings,
        connections: qrs::Connections,
    ) -> Self {
        Self {
            ending: HashMap::new(),
            connections,
            shared,
            roots,
            sites: HashMap::new(),
            queues: HashMap::new(),
            page: None,
            reports: None,
            signs: Signs::default(),
            surroundings,
        }
    }

    /// Makes all of the first settings. A destination that can't be set up is there all the same: its events wait, and it
    /// is tried again with each delivery.
    ///
    /// # Errors
    /// When what a site is asked with can't be made.
    pub(super) fn build_first(&self, settings: &Settings) -> anyhow::Result<Built> {
        let surroundings = settings.surroundings();
        let destinations = registry::build(&settings.destinations, &surroundings);
        let destinations = destinations.into_iter().map(|made| (made.id().to_owned(), made));
        let mut clients = HashMap::new();
        for site in settings.sites.iter().filter(|site| site.connection.missing.is_none()) {
            let of = Clients::of(site, &self.connections);
            let of = of.with_context(|| format!("site {}", site.name))?;
            clients.insert(site.name.clone(), of);
        }
        Ok(Built { destinations: destinations.collect(), clients, surroundings })
    }

    /// Makes what of `settings` is not there yet and could fail; `same_file` says of which files the content
    /// didn't change.
    ///
    /// # Errors
    /// Each thing that can't be made, in words.
    pub(super) fn build(
        &self,
        settings: &Settings,
        same_file: impl Fn(&Path) -> bool,
    ) -> Result<Built, Vec<String>> {
        let before = self.shared.settings();
        let surroundings = settings.surroundings();
        let mut problems = Vec::new();
        let mut built = Built {
            destinations: HashMap::new(),
            clients: HashMap::new(),
            surroundings: surroundings.clone(),
        };
        for queue in settings.addressing().queues() {
            let of_before = (&before.destinations, &self.surroundings);
            let files = settings.destinations.certificate_files(&queue.id);
            let stays = self.queues.contains_key(&queue.id)
                && settings.destinations.is_same(&queue.id, &surroundings, of_before)
                && files.iter().all(|file| same_file(file));
            if stays {
                continue;
            }
            match registry::build_one(&settings.destinations, &queue.id, &surroundings) {
                Ok(made) => {
                    built.destinations.insert(queue.id.clone(), made);
                }
                Err(error) => problems.push(format!("{} can't be set up: {error:#}", queue.title)),
            }
        }
        for site in settings.sites.iter().filter(|site| site.connection.missing.is_none()) {
            let made_of = OfSite::made_of(settings, site);
            let stays = self.sites.get(&site.name).is_some_and(|running| {
                (&running.made_of, &running.releases_made_of) == (&made_of.0, &made_of.1)
            });
            if stays {
                continue;
            }
            match Clients::of(site, &self.connections) {
                Ok(clients) => {
                    built.clients.insert(site.name.clone(), clients);
                }
                Err(error) => problems.push(format!("site {}: {error:#}", site.name)),
            }
        }
        if problems.is_empty() { Ok(built) } else { Err(problems) }
    }

    /// Puts settings in force, of which all that could fail was built. Returns what it changed, in words.
    pub(super) async fn commit(&mut self, settings: Settings, built: Built) -> Vec<String> {
        let Built { mut destinations, mut clients, surroundings } = built;
        let settings = Arc::new(settings);
        let mut changed = Vec::new();

        self.ending.retain(|_, tasks| {
            tasks.retain(|task| !task.is_empty());
            !tasks.is_empty()
        });

        // Nothing is released any more by rules that are not in force.
        let known: Vec<String> = self.sites.keys().cloned().collect();
        let mut to_start = HashSet::new();
        for name in known {
            let now = settings.sites.iter().find(|site| site.name == name);
            let made_of = now.map(|site| OfSite::made_of(&settings, site));
            let running = &self.sites[&name];
            let pollers_stay = made_of.as_ref().is_some_and(|now| now.0 == running.made_of);
            let releases_stay = pollers_stay
                && made_of.as_ref().is_some_and(|now| now.1 == running.releases_made_of);
            if releases_stay {
                continue;
            }
            changed.push(match now {
                None => format!("site {name} is not watched any more"),
                Some(_) if pollers_stay => format!("releases of site {name}"),
                Some(now) => format!("site {name}{}", releases_now(&running.made_of.0, now)),
            });
            let Some(of_site) = self.sites.remove(&name) else { continue };
            let OfSite { made_of, releases_made_of, pollers, releases } = of_site;
            self.end(Name::Releases(name.clone()), releases);
            if pollers_stay {
                let releases = Task::below(&self.roots.stop_polling);
                let kept = OfSite { made_of, releases_made_of, pollers, releases };
                self.sites.insert(name.clone(), kept);
                to_start.insert(name);
            } else {
                self.end(Name::Pollers(name.clone()), pollers);
            }
        }

        // From here on, what is written down is addressed by the new settings.
        let queues: Vec<String> =
            settings.addressing().queues().iter().map(|queue| queue.id.clone()).collect();
        self.shared.addressing.set(settings.addressing());
        self.shared.sites.set(settings.release_sites());
        let before = self.shared.settings();
        self.shared.put_in_force(settings.clone());
        self.surroundings = surroundings;

        let gone: Vec<String> =
            self.queues.keys().filter(|id| !queues.contains(*id)).cloned().collect();
        for id in gone {
            if let Some(task) = self.queues.remove(&id) {
                self.end(Name::Queue(id.clone()), task);
                changed.push(format!("{id} gets nothing any more"));
            }
        }
        for id in &queues {
            let Some(destination) = destinations.remove(id) else { continue };
            let known = self.queues.remove(id);
            changed.push(match &known {
                Some(_) => format!("{id}, to {}", destination.title()),
                None => format!("{id} is new: {}", destination.title()),
            });
            if let Some(task) = known {
                self.end(Name::Queue(id.clone()), task);
            }
            self.deliver(destination);
        }

        self.serve(&mut changed).await;
        for site in &settings.sites {
            let is_new = !self.sites.contains_key(&site.name);
            let only_releases = to_start.contains(&site.name);
            if is_new && !before.sites.iter().any(|before| before.name == site.name) {
                changed.push(format!("site {} is new", site.name));
            }
            if is_new || only_releases {
                self.watch(site, clients.remove(&site.name), only_releases);
            }
        }
        self.report(&mut changed);
        self.signs.follow(&self.shared, &self.roots, &mut changed).await;
        changed
    }

    /// Tells something to end. Whoever comes under the same name waits for it.
    fn end(&mut self, name: Name, task: Task) {
        self.ending.entry(name).or_default().push(task.end());
    }

    /// What has to end before something begins under a name.
    fn before(&self, name: &Name) -> Vec<TaskTracker> {
        self.ending.get(name).cloned().unwrap_or_default()
    }

    fn deliver(&mut self, destination: Arc<dyn Destination>) {
        tracing::info!(queue = destination.id(), "delivering to {}", destination.title());
        let task = Task::below(&self.roots.stop_delivering);
        let (store, stop) = (self.shared.store.clone(), task.stop.clone());
        let set_aside = self.shared.settings().storage.set_aside;
        let id = destination.id().to_owned();
        let before = self.before(&Name::Queue(id.clone()));
        task.spawn(&self.roots.workers, async move {
            // The delivery in hand of the one before is finished: nothing of a queue is sent by two at a time.
            for before in before {
                before.wait().await;
            }
            worker::run(destination, store, set_aside, fastrand::Rng::new(), stop).await;
        });
        self.queues.insert(id, task);
    }

    /// Starts what there is of a site, once what was before of it has ended.
    fn watch(&mut self, site: &Site, clients: Option<Clients>, only_releases: bool) {
        let settings = self.shared.settings();
        let (made_of, releases_made_of) = OfSite::made_of(&settings, site);
        let mut of_site = self.sites.remove(&site.name).unwrap_or_else(|| OfSite {
            made_of: made_of.clone(),
            releases_made_of: releases_made_of.clone(),
            pollers: Task::below(&self.roots.stop_polling),
            releases: Task::below(&self.roots.stop_polling),
        });
        of_site.releases_made_of = releases_made_of;
        let mut before = self.before(&Name::Releases(site.name.clone()));
        if !only_releases {
            before.extend(self.before(&Name::Pollers(site.name.clone())));
        }
        let sites = Sites {
            shared: &self.shared,
            roots: &self.roots,
            pollers: &of_site.pollers,
            releases: &of_site.releases,
            before: Arc::new(before),
        };
        match clients {
            Some(clients) => sites.start(site, &clients, only_releases),
            None if !only_releases => sites.wait_for(site),
            None => {}
        }
        self.sites.insert(site.name.clone(), of_site);
    }

    /// Serves the pages as the settings say. The ones that are served at the same address go on.
    async fn serve(&mut self, changed: &mut Vec<String>) {
        let settings = self.shared.settings();
        if let (Some((served, _)), Some(web)) = (&self.page, &settings.web)
            && (served.address, &served.tls) == (web.address, &web.tls)
        {
            return;
        }
        let is_first = self.page.is_none();
        let before = self.page.take().map(|(_, task)| task.end());
        if let Some(ended) = before {
            ended.wait().await;
        }
        let Some(web) = settings.web.clone() else {
            if !is_first {
                changed.push("the pages are not served any more".to_owned());
            }
            self.shared.page.send_replace(None);
            return;
        };
        let task = Task::below(&self.roots.stop_polling);
        let served = page::start(&self.shared, &web, &task, &self.roots.pollers).await;
        changed.push(match served {
            Ok(()) => "the pages".to_owned(),
            Err(why) => {
                format!("the pages, which are not served yet ({why}; it is tried again every 30 s)")
            }
        });
        self.page = Some((web, task));
    }

    fn report(&mut self, changed: &mut Vec<String>) {
        let settings = self.shared.settings();
        let zone = settings.time_zone;
        if self.reports.as_ref().map(|(reports, zone, _)| (reports, *zone))
            == settings.reports.as_ref().map(|reports| (reports, zone))
        {
            return;
        }
        changed.push("scheduled reports".to_owned());
        if let Some((_, _, task)) = self.reports.take() {
            task.end();
        }
        let Some(reports) = settings.reports.clone() else { return };
        let task = Task::below(&self.roots.stop_polling);
        let work = report::run(self.shared.clone(), reports.clone(), zone, task.stop.clone());
        task.spawn(&self.roots.pollers, work);
        self.reports = Some((reports, zone, task));
    }
}
