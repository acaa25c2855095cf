//! One seed: a site, three receivers, a store, and the lives of a daemon among them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bursar::clock::Clock;
use bursar::config::Settings;
use bursar::daemon::Daemon;
use bursar::simulator::{
    ClockSettings, Control, LicenseVariant, Pki, Population, Running, Scenario, SeatKind, SeatSpec,
    UserSpec, When,
};
use bursar::store::settings::OutboxLimits;
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::script::{self, Act};
use super::servers::{Course, Kind, Mood, Server};

/// Seconds of the day that go by in each second that runs.
const SPEED: f64 = 30.0;
/// What runs out for a seat's look, by the clock of the day.
pub(super) const LOOK_HOLDS: TimeDelta = TimeDelta::seconds(60 * SPEED as i64);
/// The longest that a daemon may take, by its own clock, to be through with what waits once all is well.
const RECOVERY: Duration = Duration::from_secs(1200);

pub(super) const IDLE: usize = 8;
const BUSY: usize = 16;

/// What a seed looks at. Whatever acts by itself in a store ends every release, so that what watches deliveries, and lets
/// writes fail, is in half of them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Deliveries,
    Releases,
}

/// Everything that outlives a daemon.
pub(super) struct World {
    pub(super) about: About,
    pub(super) folder: TempDir,
    pub(super) control: Control,
    pub(super) course: Arc<Course>,
    pub(super) servers: [Arc<Server>; 3],
    pub(super) rng: fastrand::Rng,
    /// What the settings of this seed say.
    pub(super) limits: OutboxLimits,
    slept: TimeDelta,
    site: Option<Running>,
    listener: std::net::TcpListener,
    yaml: String,
    /// The time at the site, when nobody runs.
    now: DateTime<Utc>,
    /// How fast the days go by.
    pub(super) speed: f64,
    /// How far the daemon's clock is off, in milliseconds.
    off: &'static AtomicI64,
    /// Whose each seat was at the beginning, by its id.
    pub(super) holders: HashMap<String, String>,
    /// Who logged in, and when.
    pub(super) logins: Vec<(String, DateTime<Utc>)>,
    /// What was reached, and how often.
    pub(super) reached: BTreeMap<String, u64>,
    /// The story, to be told when it ends badly.
    pub(super) story: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        // What the daemon draws for itself comes from here as well.
        fastrand::seed(seed);
        bursar::tls::install_provider();
        let mut rng = fastrand::Rng::with_seed(seed);
        let folder = folder();
        Pki::shared().write_to(&folder.path().join("certificates")).unwrap();
        let about = if seed.is_multiple_of(2) { About::Deliveries } else { About::Releases };
        if about == About::Deliveries {
            std::fs::copy(prepared(), folder.path().join("bursar.db")).unwrap();
        }
        let now: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        let control = Control::new(&scenario(&mut rng, now));
        control.become_site("home");
        let users = control.users();
        let holder = |seat: bursar::simulator::Seat| {
            let user = users.iter().find(|user| Some(user.id) == seat.user).unwrap();
            (seat.id.to_string(), user.user_id.clone())
        };
        let holders = control.seats(SeatKind::Analyzer).into_iter().map(holder).collect();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let course = Arc::new(Course::default());
        let servers = [Kind::Webhook, Kind::Mqtt, Kind::Email];
        let servers = servers.map(|kind| Server::new(kind, course.clone()));
        let port = listener.local_addr().unwrap().port();
        let most = [6, 30, 100_000][rng.usize(..3)];
        let yaml = yaml(folder.path(), port, &servers, most, &mut rng);
        let limits = OutboxLimits { max_events: most, max_age: Duration::from_secs(2 * 86_400) };
        Self {
            about,
            folder,
            control,
            course,
            servers,
            rng,
            limits,
            slept: TimeDelta::zero(),
            site: None,
            listener,
            yaml,
            now,
            speed: SPEED,
            off: Box::leak(Box::default()),
            holders,
            logins: Vec::new(),
            reached: BTreeMap::new(),
            story: Vec::new(),
        }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.path().join("bursar.db")
    }

    /// A connection beside the daemon's.
    pub(super) fn database(&self) -> rusqlite::Connection {
        let db = crate::support::store::database(self.store());
        db.busy_timeout(Duration::from_secs(60)).unwrap();
        db
    }

    pub(super) fn reach(&mut self, what: impl Into<String>) {
        *self.reached.entry(what.into()).or_default() += 1;
    }

    fn note(&mut self, what: &str) {
        let line = format!("{} {what}", self.control.now().format("%d %H:%M:%S"));
        self.story.push(line);
    }

    /// Lives until its end, or dies.
    pub(super) fn live(&mut self) {
        let steps = self.rng.usize(2..9);
        let dies = self.rng.bool();
        self.in_a_runtime(async |world, clock| {
            let daemon = match world.start(clock).await {
                Ok(daemon) => daemon,
                Err(error) => {
                    world.reach("start refused");
                    world.note(&format!("the daemon does not start: {error:#}"));
                    return;
                }
            };
            for _ in 0..steps {
                let act = script::act(&mut world.rng);
                world.note(&format!("{act:?}"));
                world.perform(act);
                let millis = world.rng.u64(200..25_000);
                sleep(Duration::from_millis(millis)).await;
                world.watch();
            }
            if dies {
                world.course.disturb();
                world.reach("killed");
                world.note("killed");
                // With the runtime: wherever each of its tasks is.
                drop(daemon);
            } else {
                if world.is_troubled() {
                    world.course.disturb();
                }
                let began = Instant::now();
                daemon.stop().await;
                assert!(began.elapsed() < Duration::from_secs(11), "the stop took too long");
                world.reach("stopped");
                world.note("stopped");
            }
        });
        // Down for a while: moments, or days.
        let gap = [5, 600, 7_200, 100_000, 400_000][self.rng.usize(..5)];
        self.now += TimeDelta::seconds(self.rng.i64(1..gap));
        let off = match self.rng.u32(..8) {
            0 => TimeDelta::days(1),
            1 => TimeDelta::hours(-2),
            _ => TimeDelta::zero(),
        };
        self.set_clock(off);
    }

    /// Sets the daemon's clock: so far off.
    pub(super) fn set_clock(&mut self, off: TimeDelta) {
        if !off.is_zero() {
            self.reach("clock set");
        }
        self.off.store(off.num_milliseconds(), Ordering::Relaxed);
    }

    /// The machine sleeps, and the site goes on meanwhile.
    pub(super) fn suspend(&mut self, time: TimeDelta) {
        self.reach("suspended");
        self.off.fetch_add(time.num_milliseconds(), Ordering::Relaxed);
        self.slept += time;
        self.control.advance(time);
    }

    /// All is well from now on: what waits is delivered, and nothing is left that fails.
    pub(super) fn recover(&mut self) {
        self.set_clock(TimeDelta::zero());
        self.break_store("");
        self.control.clear_faults();
        self.control.become_site("home");
        self.servers.iter().for_each(|server| server.set(Mood::Well));
        self.in_a_runtime(async |world, clock| {
            let daemon = world.start(clock).await.expect("the daemon starts when all is well");
            let began = Instant::now();
            sleep(Duration::from_secs(30)).await;
            loop {
                let store = daemon.store();
                let waiting: u64 =
                    store.queue_states().await.unwrap().iter().map(|queue| queue.pending).sum();
                let health = store.health().await.unwrap();
                let ill = health.iter().find_map(|health| {
                    let monitor = health.monitor;
                    (monitor != bursar::event::Monitor::Release)
                        .then(|| health.problem().map(|problem| (monitor, problem.text.clone())))?
                });
                if waiting == 0 && ill.is_none() {
                    break;
                }
                assert!(
                    began.elapsed() < RECOVERY,
                    "{waiting} event(s) still wait, and {ill:?}, though all is well"
                );
                sleep(Duration::from_secs(5)).await;
            }
            daemon.stop().await;
        });
    }

    /// The site answers from now on, with these certificates.
    pub(super) fn open_site(&mut self, pki: &Pki) {
        let listener = tokio::net::TcpListener::from_std(self.listener.try_clone().unwrap());
        let site = Running::go_on(self.control.clone(), pki.clone(), false, listener.unwrap());
        self.site = Some(site.unwrap());
    }

    /// Nobody answers from now on. Connections are still made: the system does that.
    pub(super) async fn close_site(&mut self) {
        if let Some(site) = self.site.take() {
            site.stop().await;
        }
    }

    /// A daemon at work, until this has looked at it.
    pub(super) fn with_daemon(&mut self, look: impl AsyncFnOnce(&mut Self, &Daemon)) {
        self.in_a_runtime(async |world, clock| {
            let daemon = world.start(clock).await.expect("the daemon starts");
            look(world, &daemon).await;
            daemon.stop().await;
        });
    }

    /// Changes the settings of the next start.
    pub(super) fn settle_on(&mut self, from: &str, to: &str) {
        self.yaml = self.yaml.replace(from, to);
    }

    fn in_a_runtime(&mut self, life: impl AsyncFnOnce(&mut Self, Clock)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            self.open_site(Pki::shared());
            self.control.set_time(self.now);
            self.control.set_speed(self.speed);
            self.servers.iter().for_each(Server::serve);
            let (start, since, speed) = (self.now, Instant::now(), self.speed);
            let clock = Clock::Jumping { start, since, speed, off: self.off };
            life(self, clock).await;
            self.now = self.control.now();
            // What was slept through is in the time of the site from now on.
            let slept = std::mem::take(&mut self.slept);
            self.off.fetch_sub(slept.num_milliseconds(), Ordering::Relaxed);
            self.site = None;
        });
        drop(runtime);
        self.control.set_speed(0.0);
    }

    async fn start(&mut self, clock: Clock) -> anyhow::Result<Daemon> {
        Daemon::start(self.settings(), clock).await
    }

    pub(super) fn settings(&self) -> Settings {
        let file = self.folder.path().join("bursar.yaml");
        std::fs::write(&file, &self.yaml).unwrap();
        match bursar::config::load(&file) {
            Ok(loaded) => loaded.settings,
            Err(problems) => panic!("{problems}\n{}", self.yaml),
        }
    }

    fn is_troubled(&self) -> bool {
        self.course.store_is_broken.load(Ordering::SeqCst)
            || self.servers.iter().any(|server| server.is_in(Mood::Slow))
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Nothing => {}
            Act::Site(rule) => {
                self.reach(format!("site {}", script::name(&rule.fault)));
                self.control.set_fault(rule);
            }
            Act::SiteWell => self.control.clear_faults(),
            // Before anything was read, it would be the one that is known.
            Act::OtherSite if !self.is_known() => {}
            Act::OtherSite => {
                self.reach("another site");
                self.control.become_site("elsewhere");
            }
            Act::SameSite => self.control.become_site("home"),
            Act::Logs(who) => {
                let who =
                    if who < IDLE { format!("idle{who}") } else { format!("busy{}", who - IDLE) };
                if self.control.log_in("CORP", &who) {
                    self.logins.push((who, self.control.now()));
                }
            }
            Act::Pools(total) => {
                self.reach("pools changed");
                self.control.update_pools(|pools| pools.analyzer.total = total);
            }
            Act::License(days) => {
                self.reach("license changed");
                let day = self.control.now() + TimeDelta::days(days);
                self.control.set_license(LicenseVariant::signed(When::At(day)));
            }
            Act::Receiver(which, mood) => self.servers[which].set(mood),
            Act::Store(_) if self.about == About::Releases => {}
            Act::Store(table) => {
                self.reach(format!("store {table}"));
                self.break_store(table);
            }
            Act::StoreWell => self.break_store(""),
            Act::ClockSet(hours) => self.set_clock(TimeDelta::hours(hours)),
            Act::Suspended => self.suspend(TimeDelta::hours(1)),
        }
    }

    fn is_known(&self) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM site_identity)";
        self.database().query_row(sql, [], |r| r.get(0)).unwrap()
    }

    /// What is written into a table from now on fails, with the whole transaction.
    pub(super) fn break_store(&self, table: &str) {
        if self.about == About::Releases {
            return;
        }
        let db = self.database();
        self.course.store_is_broken.store(!table.is_empty(), Ordering::SeqCst);
        db.execute("UPDATE sim_broken SET what = ?1", [table]).unwrap();
        self.course.disturb();
    }

    /// What has to hold at any time.
    fn watch(&mut self) {
        let db = self.database();
        let most = self.limits.max_events;
        let mut query = db.prepare("SELECT destination, pending + dead FROM queue").unwrap();
        let sizes = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?)));
        for (queue, size) in sizes.unwrap().map(Result::unwrap) {
            assert!(
                size.unsigned_abs() <= most,
                "{queue} has {size} events, where {most} are allowed"
            );
        }
    }
}

/// In memory where that is possible: what a disk does is not looked at here.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A store that notes all that was produced, and fails on demand.
fn prepared() -> &'static Path {
    static PREPARED: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, file) = PREPARED.get_or_init(|| {
        let folder = folder();
        let file = folder.path().join("bursar.db");
        let limits = OutboxLimits { max_events: 10, max_age: Duration::from_secs(1) };
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let store = crate::support::store::open(&file, limits, Utc::now).await;
                    store.unwrap().close().await;
                });
            });
            made.join().unwrap();
        });
        let db = crate::support::store::database(&file);
        db.execute_batch(
            "CREATE TABLE sim_produced (queue TEXT, seq INTEGER, id TEXT, json TEXT, PRIMARY KEY (queue, id));
             CREATE TRIGGER sim_produced AFTER INSERT ON delivery BEGIN
                 INSERT INTO sim_produced SELECT queue.destination, event.seq, event.id, event.json
                   FROM event, queue WHERE event.seq = NEW.seq AND queue.id = NEW.queue;
             END;
             CREATE TABLE sim_broken (what TEXT);
             INSERT INTO sim_broken VALUES ('');",
        )
        .unwrap();
        for (table, when) in script::BREAKABLE {
            db.execute_batch(&format!(
                "CREATE TRIGGER sim_broken_{table}_{when} BEFORE {when} ON {table}
                    WHEN (SELECT what FROM sim_broken) IN ('{table}', 'all') BEGIN
                     SELECT RAISE(ROLLBACK, 'disk I/O error');
                 END;"
            ))
            .unwrap();
        }
        drop(db);
        (folder, file)
    });
    file
}

fn scenario(rng: &mut fastrand::Rng, now: DateTime<Utc>) -> Scenario {
    let clock =
        ClockSettings { start: Some(When::At(now)), speed: 0.0, ..ClockSettings::default() };
    let mut scenario = Scenario { clock, population: Population::none(), ..Scenario::default() };
    for n in 0..IDLE + BUSY {
        let (id, days) = match n {
            0..IDLE => (format!("idle{n}"), 40 + n as i64),
            _ => (format!("busy{}", n - IDLE), rng.i64(1..4)),
        };
        scenario.users.push(UserSpec::of("CORP", &id));
        let account = format!("CORP\\{id}");
        scenario.seats.push(SeatSpec::of(SeatKind::Analyzer, &account, When::days_ago(days)));
    }
    scenario.pools.analyzer.total = 30;
    scenario
}

fn yaml(
    folder: &Path,
    port: u16,
    servers: &[Arc<Server>; 3],
    most: u64,
    rng: &mut fastrand::Rng,
) -> String {
    let [webhook, mqtt, email] = [0, 1, 2].map(|n: usize| servers[n].port);
    let dry_run = rng.u32(..4) == 0;
    let percent = if rng.u32(..6) == 0 { 5 } else { 80 };
    let concurrency = rng.u32(1..4);
    let hook = |what: &str| {
        format!(
            "    {what}: {{rateLimit: 0, webhooks: [{{description: {what}, webhookURL: 'http://127.0.0.1:{webhook}/{what}', httpMethod: POST}}]}}\n"
        )
    };
    let hooks: String = [
        "qlikSenseServerLicenseMonitor",
        "qlikSenseServerLicenseExpiryAlert",
        "qlikSenseLicenseMonitor",
        "qlikSenseLicenseRelease",
        "qlikSenseSeatMonitor",
        "qlikSenseAlert",
    ]
    .map(hook)
    .concat();
    let switches = "destination: {mqtt: {enable: true, sendRecurring: {enable: true}, sendAlert: {enable: true}}, webhook: {enable: true, sendRecurring: {enable: true}, sendAlert: {enable: true}}}";
    // Butler's form of these alerts on MQTT is a sentence: nothing says which event it was.
    let first = switches.replacen("sendAlert: {enable: true}", "sendAlert: {enable: false}", 1);
    let folder = folder.display();
    format!(
        "\
Butler:
  logLevel: error
  web: {{enable: false}}
  storage:
    path: '{folder}/bursar.db'
    outbox: {{maxEvents: {most}, maxAgeDays: 2, setAsideAfterFailures: 2}}
  cert:
    clientCert: '{folder}/certificates/client.pem'
    clientCertKey: '{folder}/certificates/client_key.pem'
    clientCertCA: '{folder}/certificates/root.pem'
  configQRS:
    authentication: certificates
    host: 127.0.0.1
    useSSL: true
    port: {port}
    headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=Internal; UserId=sa_repository}}]}}
    rejectUnauthorized: true
    tlsServerName: {name}
    requestTimeoutSeconds: 20
  webhookNotification:
    enable: true
{hooks}  mqttConfig:
    enable: true
    brokerHost: 127.0.0.1
    brokerPort: {mqtt}
    azureEventGrid: {{enable: false}}
    qlikSenseServerLicenseTopic: l/license
    qlikSenseServerLicenseExpireTopic: l/expire
  email:
    enable: true
    host: 127.0.0.1
    port: {email}
    security: none
    from: bursar@example.com
    to: [ada@example.com]
  alert:
    enable: true
    destination: {{mqtt: {{enable: true}}, webhook: {{enable: true}}, email: {{enable: true}}}}
  qlikSenseLicense:
    serverLicenseMonitor:
      enable: true
      frequency: every 20 minutes
      {first}
    licenseMonitor:
      enable: true
      frequency: every 10 minutes
      {switches}
    seatMonitor:
      enable: true
      frequency: every 15 minutes
      {switches}
    licenseRelease:
      enable: true
      dryRun: {dry_run}
      frequency: every 15 minutes
      licenseKeyShared: false
      concurrency: {concurrency}
      {switches}
      licenseType:
        analyzer: {{enable: true, releaseThresholdDays: 30, maxReleasePercent: {percent}, maxReleases: 4}}
",
        name = Pki::shared().server_name,
    )
}
