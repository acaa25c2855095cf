//! Changing and watching a site while it runs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};

use super::fault::{Fault, FaultRule};
use super::license::LicenseVariant;
use super::monitor_app::MonitorApp;
use super::people::{Seat, SeatKind, User, split_name};
use super::pools::PoolSettings;
use super::rights::SecurityRule;
use super::routes::Request;
use super::scenario::{Quirks, Scenario, SeatSpec, UserSpec};
use super::site::Site;
use super::wire::named_id;

/// The newest requests are kept, so that a long bench doesn't fill memory.
const KEPT_REQUESTS: usize = 10_000;

/// A handle to a running site. Clones share the same site.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    site: Mutex<Site>,
    faults: Mutex<Vec<ActiveFault>>,
    log: Mutex<VecDeque<RequestLog>>,
    requests: AtomicU64,
    connections: AtomicU64,
    open_connections: AtomicU64,
    tls_failures: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct ActiveFault {
    rule: FaultRule,
    /// Requests that matched so far.
    seen: u32,
}

/// A request as it came and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLog {
    /// Counts from 1.
    pub number: u64,
    /// By the site's clock.
    pub time: DateTime<Utc>,
    pub method: String,
    /// As sent.
    pub path: String,
    /// As sent, without the question mark.
    pub query: String,
    /// `None` when no answer was given, or not yet.
    pub status: Option<u16>,
    /// Of the answer's body.
    pub bytes: usize,
    /// The XSRF key was there twice, the same, and well formed.
    pub xrf_ok: bool,
    /// The header `X-Qlik-User`.
    pub user: Option<String>,
    /// Which connection it came on, counting from 1.
    pub connection: u64,
}

impl RequestLog {
    /// Method and path, such as `GET /qrs/about`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Control {
    /// A site that nobody serves yet: see [`Running::go_on`](super::Running::go_on).
    pub fn new(scenario: &Scenario) -> Self {
        let control = Self {
            shared: Arc::new(Shared {
                site: Mutex::new(Site::new(scenario)),
                faults: Mutex::default(),
                log: Mutex::default(),
                requests: AtomicU64::new(0),
                connections: AtomicU64::new(0),
                open_connections: AtomicU64::new(0),
                tls_failures: Mutex::default(),
            }),
        };
        for rule in &scenario.faults {
            control.set_fault(rule.clone());
        }
        control
    }

    /// Adds a fault to those that are set.
    pub fn set_fault(&self, rule: impl Into<FaultRule>) {
        lock(&self.shared.faults).push(ActiveFault { rule: rule.into(), seen: 0 });
    }

    /// From now on nothing goes wrong.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Sets the security rules: what users may do that are no administrators.
    pub fn set_security_rules(&self, rules: Vec<SecurityRule>) {
        self.site().security_rules = rules;
    }

    /// Installs another license.
    pub fn set_license(&self, license: LicenseVariant) {
        self.site().license = license;
    }

    /// From now on another site answers at this address: other nodes and another license, and
    /// whatever seats it has.
    pub fn become_site(&self, name: &str) {
        let mut site = self.site();
        site.operations.node = name.to_owned();
        site.license.number =
            format!("{:016}", named_id("license", name).as_u128() % 10_u128.pow(16));
        site.cache.clear();
    }

    /// Renews the license: another number on the same nodes.
    pub fn renew_license(&self, number: &str) {
        self.site().license.number = number.to_owned();
    }

    /// Changes the pools in place.
    pub fn update_pools(&self, change: impl FnOnce(&mut PoolSettings)) {
        let mut site = self.site();
        change(&mut site.pools);
        site.cache.clear();
    }

    /// The pools as they are set.
    pub fn pools(&self) -> PoolSettings {
        self.site().pools.clone()
    }

    /// Changes where this server differs from others.
    pub fn update_quirks(&self, change: impl FnOnce(&mut Quirks)) {
        let mut site = self.site();
        change(&mut site.quirks);
        site.cache.clear();
    }

    /// Changes the License Monitor app and its task.
    pub fn update_license_monitor(&self, change: impl FnOnce(&mut MonitorApp)) {
        change(&mut self.site().operations.settings);
    }

    /// Changes what `/v1/systeminfo` answers, in place.
    pub fn update_system_info(&self, change: impl FnOnce(&mut serde_json::Value)) {
        change(&mut self.site().system_info);
    }

    /// Adds a user and returns the id.
    pub fn add_user(&self, user: &UserSpec) -> String {
        self.site().add_user_spec(user).to_string()
    }

    /// Changes a user. Whether there is such a user; names don't change.
    pub fn update_user(&self, directory: &str, id: &str, change: impl FnOnce(&mut User)) -> bool {
        let mut site = self.site();
        let now = site.now();
        let place = site.user_place(directory, id);
        let Some(user) = place.and_then(|place| site.users.at_mut(place)) else { return false };
        change(user);
        user.modified = now;
        true
    }

    /// Deletes a user; seats stay behind in quarantine. Whether there was such a user.
    pub fn remove_user(&self, directory: &str, id: &str) -> bool {
        self.site().remove_user(directory, id)
    }

    /// A user logs in now: uses a seat, or gets one by a rule. Whether access was given.
    pub fn log_in(&self, directory: &str, id: &str) -> bool {
        let mut site = self.site();
        let place = site.user_place(directory, id);
        place.is_some_and(|place| site.log_in(place))
    }

    /// Adds a seat and returns the id.
    pub fn add_seat(&self, seat: &SeatSpec) -> String {
        self.site().add_seat_spec(seat).to_string()
    }

    /// Changes a seat as it stands in the list, its dates left alone. Whether there is such a seat.
    pub fn update_seat(&self, id: uuid::Uuid, change: impl FnOnce(&mut Seat)) -> bool {
        let mut site = self.site();
        let place = site.seats.place(id);
        let Some(seat) = place.and_then(|place| site.seats.at_mut(place)) else { return false };
        change(seat);
        true
    }

    /// Takes a seat away, without quarantine. Whether there was one of this id.
    pub fn remove_seat(&self, id: &str) -> bool {
        let id = uuid::Uuid::try_parse(id).ok();
        id.is_some_and(|id| self.site().remove_seat(id))
    }

    /// All seats of a kind, in the order of the lists.
    pub fn seats(&self, kind: SeatKind) -> Vec<Seat> {
        let mut site = self.site();
        site.catch_up();
        site.seats.iter().filter(|seat| seat.kind == kind).cloned().collect()
    }

    /// The seat a user has of a kind.
    pub fn seat_of(&self, kind: SeatKind, directory: &str, id: &str) -> Option<Seat> {
        let mut site = self.site();
        site.catch_up();
        let place = site.user_place(directory, id)?;
        let seat = site.seat_of(place, kind)?;
        site.seats.get(seat).cloned()
    }

    /// All users, service accounts included.
    pub fn users(&self) -> Vec<User> {
        self.site().users.iter().cloned().collect()
    }

    /// The newest requests, oldest first: all of them up to 10,000.
    pub fn requests(&self) -> Vec<RequestLog> {
        lock(&self.shared.log).iter().cloned().collect()
    }

    /// The newest requests whose path begins so, oldest first. Case doesn't matter.
    pub fn requests_to(&self, path: &str) -> Vec<RequestLog> {
        let path = path.to_lowercase();
        let mut requests = self.requests();
        requests.retain(|r| r.path.to_lowercase().starts_with(&path));
        requests
    }

    /// All requests since the start, answered or not.
    pub fn request_count(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// TCP connections accepted since the start, including those that failed in TLS.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Connections open at the moment.
    pub fn open_connections(&self) -> u64 {
        self.shared.open_connections.load(Ordering::Relaxed)
    }

    /// Why TLS handshakes failed, oldest first: no client certificate, a name that isn't ours ...
    pub fn tls_failures(&self) -> Vec<String> {
        lock(&self.shared.tls_failures).clone()
    }

    /// The site's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.site().now()
    }

    /// Sets the site's clock.
    pub fn set_time(&self, now: DateTime<Utc>) {
        self.site().clock.set(now);
    }

    /// Puts the site's clock forward (back, when negative).
    pub fn advance(&self, by: TimeDelta) {
        let mut site = self.site();
        let now = site.now() + by;
        site.clock.set(now);
    }

    /// Seconds that pass on the site in each real second; 0 stops its clock.
    pub fn set_speed(&self, speed: f64) {
        self.site().clock.set_speed(speed);
    }

    pub(super) fn site(&self) -> MutexGuard<'_, Site> {
        lock(&self.shared.site)
    }

    /// `DIR\id` logs in, as [`Self::log_in`].
    pub(super) fn log_in_by_name(&self, user: &str) {
        if let Some((directory, id)) = split_name(user) {
            self.log_in(directory, id);
        }
    }

    pub(super) fn connected(&self) -> u64 {
        self.shared.open_connections.fetch_add(1, Ordering::Relaxed);
        self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn disconnected(&self) {
        self.shared.open_connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn tls_failed(&self, why: String) {
        lock(&self.shared.tls_failures).push(why);
    }

    /// Writes a request down and returns its number.
    pub(super) fn begin(&self, request: &Request, connection: u64) -> u64 {
        let number = self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let entry = RequestLog {
            number,
            time: self.now(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            status: None,
            bytes: 0,
            xrf_ok: request.xrf_ok(),
            user: request.user_header.clone(),
            connection,
        };
        let mut log = lock(&self.shared.log);
        log.push_back(entry);
        if log.len() > KEPT_REQUESTS {
            log.pop_front();
        }
        number
    }

    pub(super) fn finish(&self, number: u64, status: u16, bytes: usize) {
        let mut log = lock(&self.shared.log);
        if let Some(entry) = log.iter_mut().rev().find(|entry| entry.number == number) {
            entry.status = Some(status);
            entry.bytes = bytes;
            tracing::debug!(
                method = entry.method,
                path = entry.path,
                status,
                "simulated site answered"
            );
        }
    }

    /// The faults that strike this request, in the order they were set.
    pub(super) fn faults_for(&self, request: &Request) -> Vec<Fault> {
        let mut faults = lock(&self.shared.faults);
        if faults.is_empty() {
            return Vec::new();
        }
        let mut hits = Vec::new();
        for active in faults.iter_mut() {
            if active.rule.matches(&request.method, &request.route) {
                active.seen = active.seen.saturating_add(1);
                if active.seen > active.rule.skip {
                    hits.push(active.rule.fault.clone());
                }
            }
        }
        faults.retain(|active| {
            let rule = &active.rule;
            rule.times.is_none_or(|times| active.seen < rule.skip.saturating_add(times))
        });
        hits
    }
}

/// Locks; a panic of another thread while it held the lock is that thread's failure, not ours.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
