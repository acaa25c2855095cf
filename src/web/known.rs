//! Forecasts and what else is expensive: made once for all who look, again when the store knows more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use super::Source;
use super::plan::LastPlan;
use crate::insight::groups::{self, Group};
use crate::ledger::Head;
use crate::ledger::past::Pause;
use crate::license::Person;
use crate::planning::Planning;
use crate::planning::chargeback::{By, ByGroup, Unknown};
use crate::planning::money::Cost;
use crate::planning::outlook::{Outlook, outlook};
use crate::planning::replay::{Past, Question, ReplayError, Simulation, THRESHOLDS};
use crate::planning::seats::Counts;
use crate::release::plan::{FORMAT, Plan};
use crate::store::StoreError;

/// What only depends on the time of the question (who is idle) is as old as this at most.
const AGE: Duration = Duration::from_secs(60);

/// The same of figures that are asked for all the time: days are counted in them, not minutes.
const FIGURES_AGE: Duration = Duration::from_secs(900);

/// What nobody looked at for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// What is known of each site that is looked at.
#[derive(Debug, Default)]
pub(super) struct Known {
    making: Making,
    plannings: Kept<State, Planning>,
    simulations: Kept<State, Result<Option<Simulation>, String>>,
    plans: Kept<PlanState, Option<Arc<LastPlan>>>,
    /// The plan of the run that was looked at last.
    runs: Kept<String, Option<Plan>>,
    costs: Kept<(State, By), Result<ByGroup, Unknown>>,
    people: Kept<(Vec<DateTime<Utc>>, String), People>,
    figures: Kept<State, Figures>,
}

/// What the history says of a site, without the history: small enough to be kept of every site.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) time: DateTime<Utc>,
    pub(super) outlook: Outlook,
    pub(super) cost: Option<Cost>,
    pub(super) seats: Option<Counts>,
}

/// A plan, as a pause and a freeze of now withdraw it: its run, the pause, the freeze.
type PlanState = (String, Option<Pause>, Option<String>);

/// Who belongs to a property's value, by what cost calls the group, in lower case.
pub(super) type People = HashMap<String, Arc<HashSet<Uuid>>>;

/// One thing is made at a time, of whatever kind: however many look, one processor is left to the daemon. And threads
/// are: what is made holds one and waits for the store, which needs another. Were all of them held like that, the store
/// would answer nobody any more, the daemon's own polls included.
#[derive(Debug)]
struct Making(Semaphore);

impl Default for Making {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// Answers by site.
#[derive(Debug)]
struct Kept<S, T>(Mutex<HashMap<String, Made<S, T>>>);

impl<S, T> Default for Kept<S, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug)]
struct Made<S, T> {
    of: S,
    at: Instant,
    asked: Instant,
    answer: Arc<T>,
}

/// What the store knows, as far as figures come from it.
#[derive(Debug, Clone, PartialEq)]
struct State {
    /// The newest events of the site.
    read: Vec<DateTime<Utc>>,
    ledger: Option<Head>,
    today: NaiveDate,
}

impl<S: PartialEq, T: Send + Sync + 'static> Kept<S, T> {
    /// The answer that is kept, if it is of this state and no older, or a new one.
    async fn get(
        &self,
        making: &Making,
        site: &str,
        age: Duration,
        state: impl Future<Output = Result<S, StoreError>>,
        make: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Arc<T>, StoreError> {
        let mut by_site = self.0.lock().await;
        let of = state.await?;
        if let Some(made) = by_site.get_mut(site)
            && made.of == of
            && made.at.elapsed() < age
        {
            made.asked = Instant::now();
            return Ok(made.answer.clone());
        }
        let _turn = making.0.acquire().await.map_err(|_| StoreError::Closed)?;
        // On a thread of its own: polls go on meanwhile.
        let made = tokio::task::spawn_blocking(make).await;
        let answer = Arc::new(made.unwrap_or(Err(StoreError::Closed))?);
        let at = Instant::now();
        let made = Made { of, at, asked: at, answer: answer.clone() };
        by_site.insert(site.to_owned(), made);
        Ok(answer)
    }

    /// The answer that is kept, of whatever state.
    async fn kept(&self, site: &str) -> Option<Arc<T>> {
        let mut by_site = self.0.lock().await;
        let made = by_site.get_mut(site)?;
        made.asked = Instant::now();
        Some(made.answer.clone())
    }

    async fn forget(&self) {
        self.0.lock().await.retain(|_, made| made.asked.elapsed() < FORGOTTEN);
    }
}

impl Known {
    /// The history of a site, with its forecasts.
    pub(super) async fn planning(
        &self,
        source: &Source,
        site: &str,
    ) -> Result<Arc<Planning>, StoreError> {
        let now = source.clock.now();
        let (of, name) = (source.clone(), site.to_owned());
        let runtime = tokio::runtime::Handle::current();
        let make = move || {
            let load = Planning::load(&of.store, &of.settings, &name, now);
            let planning = runtime.block_on(load)?;
            for seat_type in planning.seat_types() {
                planning.forecast(seat_type);
            }
            Ok(planning)
        };
        self.plannings.get(&self.making, site, AGE, state(source, site, now), make).await
    }

    /// What the history says of a site. After `until` nothing is made: what is there is there.
    pub(super) async fn figures(
        &self,
        source: &Source,
        site: &str,
        until: Instant,
    ) -> Result<Option<Arc<Figures>>, StoreError> {
        if Instant::now() >= until {
            return Ok(self.figures.kept(site).await);
        }
        let now = source.clock.now();
        let (of, name) = (source.clone(), site.to_owned());
        let runtime = tokio::runtime::Handle::current();
        let make = move || {
            let load = Planning::load(&of.store, &of.settings, &name, now);
            let planning = runtime.block_on(load)?;
            let (outlook, cost) = (outlook(&planning), planning.cost());
            Ok(Figures { time: now, outlook, cost, seats: planning.seats })
        };
        self.figures
            .get(&self.making, site, FIGURES_AGE, state(source, site, now), make)
            .await
            .map(Some)
    }

    /// What the rules would have done under several thresholds; `None` while the seats were never read, `Err`
    /// where there is too much to tell.
    pub(super) async fn simulation(
        &self,
        source: &Source,
        site: &str,
    ) -> Result<Arc<Result<Option<Simulation>, String>>, StoreError> {
        let now = source.clock.now();
        let (of, name) = (source.clone(), site.to_owned());
        let runtime = tokio::runtime::Handle::current();
        let make = move || {
            let Some(site) = of.settings.sites.iter().find(|site| site.name == name) else {
                return Ok(Ok(None));
            };
            let past = match runtime.block_on(Past::load(&of.store, &of.settings, site, None, now))
            {
                Ok(past) => past,
                Err(ReplayError::Store(error)) => return Err(error),
                Err(error @ ReplayError::TooMuch { .. }) => return Ok(Err(error.to_string())),
            };
            let policy = &site.release.policy;
            let question = Question { policy, thresholds: &THRESHOLDS, names: false };
            Ok(Ok(past.map(|past| past.answer(question).without_days())))
        };
        self.simulations.get(&self.making, site, AGE, state(source, site, now), make).await
    }

    /// The plan that was stored last, if there is one that this release can read.
    pub(super) async fn plan(
        &self,
        source: &Source,
        site: &str,
    ) -> Result<Option<Arc<LastPlan>>, StoreError> {
        let Some(run) = source.store.last_plan(site).await? else { return Ok(None) };
        let now = source.clock.now();
        let pause = source.store.pause(site).await?;
        let of_settings = source.settings.sites.iter().find(|of| of.name == site);
        let closed = of_settings.and_then(|of| of.release.policy.calendar.closed(now));
        // A pause and a freeze are told as they are now, not as they were when the plan was made.
        let state = (run.clone(), pause.clone(), closed.map(|closed| closed.to_string()));
        let (store, name) = (source.store.clone(), run);
        let runtime = tokio::runtime::Handle::current();
        let make = move || {
            let json = runtime.block_on(store.load_plan(&name))?;
            let plan = json.and_then(|json| serde_json::from_slice::<Plan>(&json).ok());
            let plan = plan.filter(|plan| plan.format == FORMAT);
            Ok(plan.map(|plan| Arc::new(LastPlan::of(plan, name, (now, pause.as_ref())))))
        };
        let plan = self.plans.get(&self.making, site, AGE, async { Ok(state) }, make).await?;
        Ok((*plan).clone())
    }

    /// The plan of a run, while it is stored and this release can read it.
    pub(super) async fn plan_of(
        &self,
        source: &Source,
        site: &str,
        run: &str,
    ) -> Result<Arc<Option<Plan>>, StoreError> {
        let (store, name) = (source.store.clone(), run.to_owned());
        let runtime = tokio::runtime::Handle::current();
        let make = move || {
            let json = runtime.block_on(store.load_plan(&name))?;
            let plan = json.and_then(|json| serde_json::from_slice::<Plan>(&json).ok());
            Ok(plan.filter(|plan| plan.format == FORMAT))
        };
        self.runs.get(&self.making, site, AGE, async { Ok(run.to_owned()) }, make).await
    }

    /// What a year costs, by what people belong to.
    pub(super) async fn cost_by(
        &self,
        source: &Source,
        site: &str,
        by: &By,
    ) -> Result<Arc<Result<ByGroup, Unknown>>, StoreError> {
        let planning = self.planning(source, site).await?;
        let now = source.clock.now();
        let (of, name, what) = (source.clone(), site.to_owned(), by.clone());
        let runtime = tokio::runtime::Handle::current();
        let make = move || {
            let Some(site) = of.settings.sites.iter().find(|site| site.name == name) else {
                return Ok(Err(Unknown::NoSeats));
            };
            runtime.block_on(planning.cost_by(&of.store, &of.settings, site, &what))
        };
        let state = async { Ok((state(source, site, now).await?, by.clone())) };
        self.costs.get(&self.making, site, AGE, state, make).await
    }

    /// Who of the people that were read has which value of a custom property, whose name is compared without
    /// regard to case.
    pub(super) async fn people(
        &self,
        source: &Source,
        site: &str,
        property: &str,
    ) -> Result<Arc<People>, StoreError> {
        let property = property.to_lowercase();
        let (store, name, wanted) = (source.store.clone(), site.to_owned(), property.clone());
        let runtime = tokio::runtime::Handle::current();
        let make = move || {
            let people = runtime.block_on(store.people(&name))?;
            let read: HashMap<Uuid, &Person> =
                people.iter().map(|(id, stored)| (*id, &stored.person)).collect();
            let mut by_value: HashMap<String, HashSet<Uuid>> = HashMap::new();
            for user in read.keys() {
                let group = groups::property(Some(*user), &read, &wanted);
                if matches!(group, Group::Value(_) | Group::Without) {
                    by_value.entry(group.title().to_lowercase()).or_default().insert(*user);
                }
            }
            Ok(by_value.into_iter().map(|(value, users)| (value, Arc::new(users))).collect())
        };
        let read = async {
            let lists = source.store.seat_lists(site).await?;
            Ok((lists.iter().map(|list| list.last_read).collect(), property))
        };
        self.people.get(&self.making, site, Duration::MAX, read, make).await
    }

    /// Forgets what nobody looks at, as time goes by.
    pub(super) async fn tidy(&self) {
        loop {
            tokio::time::sleep(FORGOTTEN / 5).await;
            self.plannings.forget().await;
            self.simulations.forget().await;
            self.plans.forget().await;
            self.runs.forget().await;
            self.costs.forget().await;
            self.people.forget().await;
            self.figures.forget().await;
        }
    }
}

async fn state(source: &Source, site: &str, now: DateTime<Utc>) -> Result<State, StoreError> {
    let latest = source.store.latest().await?;
    let read = latest.iter().filter(|event| event.site == site).map(|event| event.time);
    Ok(State {
        read: read.collect(),
        ledger: source.store.head().await?,
        today: now.with_timezone(&source.settings.time_zone).date_naive(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Whether readers of two kinds of figures leave the store a thread, of two that there are. Each holds one until it
    /// is told to go on, and then needs another, as the store does.
    fn goes_on() -> bool {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let (go, told) = channel::<()>();
        let told = Arc::new(std::sync::Mutex::new(told));
        let make = || {
            let (handle, told) = (handle.clone(), told.clone());
            move || {
                let _ = told.lock().map(|told| told.recv());
                let _ = handle.block_on(tokio::task::spawn_blocking(|| ()));
                Ok(())
            }
        };
        let all = async {
            let making = Making::default();
            let (one, other) = (Kept::<(), ()>::default(), Kept::<(), ()>::default());
            let known = || async { Ok(()) };
            let (one, other, ()) = tokio::join!(
                one.get(&making, "a", AGE, known(), make()),
                other.get(&making, "a", AGE, known(), make()),
                async {
                    // The store's.
                    tokio::task::spawn_blocking(|| ()).await.unwrap();
                    for _ in 0..2 {
                        go.send(()).unwrap();
                    }
                }
            );
            one.is_ok() && other.is_ok()
        };
        let ended = runtime.block_on(async { tokio::time::timeout(AGE, all).await });
        // Who still holds a thread is not waited for.
        runtime.shutdown_background();
        ended.unwrap_or(false)
    }

    #[test]
    fn however_many_kinds_are_asked_for_the_store_goes_on() {
        assert!(goes_on());
    }
}
