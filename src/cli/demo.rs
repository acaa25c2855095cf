//! `bursar demo`: the real daemon against a simulated site, nothing else needed.

mod alerts;
mod gaps;
mod open;
mod past;
mod releases;
mod seats;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use chrono::{SubsecRound as _, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::text::Paint;
use super::{Exit, block_on, parse_level, status, time};
use crate::clock::Clock;
use crate::config::Settings;
use crate::daemon::lock::{self, Holder};
use crate::daemon::{self, Daemon, logging};
use crate::event::Rule;
use crate::output::{self, Existing};
use crate::simulator::past::Past;
use crate::simulator::{Running, Scenario, When};
use crate::status::Status;
use crate::store::Store;
use crate::store::demo::{self, DemoClock, clock_of};

/// Watch a simulated Qlik Sense site: certificates, settings, store and page are made for it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  bursar demo --open\n  bursar demo --speed 3600 --dir ./demo")]
pub(crate) struct Demo {
    /// How fast time runs: 3600 shows an hour every second
    #[arg(long, default_value_t = 60.0, value_parser = parse_speed)]
    speed: f64,
    /// Port of the status page on 127.0.0.1 (0 = any free one)
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Keep certificates, settings and store in this folder; without it they are removed at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Open the status page in the browser once there is something to see
    #[arg(long, conflicts_with = "once")]
    open: bool,
    /// End as soon as the first results are shown
    #[arg(long)]
    once: bool,
    /// Log level: error, warn, info (each poll), verbose, debug (each webhook with its body), silly
    #[arg(short, long, value_parser = parse_level, default_value = "warn")]
    level: LevelFilter,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=1_000_000.0).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 1 to 1000000".to_owned()),
    }
}

/// The demo's store in its folder, and the certificate of the site's authority in that of certificates.
const STORE: &str = "bursar.db";
const ROOT: &str = "root.pem";

/// The first line of the demo's settings.
const MADE: &str = "# Made by `bursar demo`.";

/// First results have to be there within this time, or something is wrong.
const FIRST_RESULTS: Duration = Duration::from_secs(60);

impl Demo {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let folder = Folder::make(self.dir.as_deref())?;
        let result = block_on(self.run(folder.path()))?;
        drop(folder);
        result
    }

    async fn run(&self, dir: &Path) -> anyhow::Result<Exit> {
        let stop = CancellationToken::new();
        // From the beginning, so that nothing is left behind.
        let signals = tokio::spawn(daemon::signals(stop.clone(), daemon::Hangup::Stops));
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let mut scenario = Scenario::demo();
        scenario.clock.speed = self.speed;
        let store = dir.join(STORE);
        // A demo that goes on begins where it ended, or later.
        let before = clock_of(&store);
        let start = before.as_ref().map_or_else(Utc::now, |b| b.at(Utc::now()).max(Utc::now()));
        // As it is kept.
        let start = start.trunc_subsecs(3);
        scenario.clock.start = Some(When::At(start));
        let site =
            Running::start(scenario.clone(), loopback).await.context("cannot start the site")?;
        let certificates = dir.join("certificates");
        site.pki().write_to(&certificates).context("cannot write the certificates")?;
        let authority = time::digest(&certificates.join(ROOT)).context("no certificates")?;
        // All that shows a time goes by this one.
        let (clock, since) = (Clock::fast(start, self.speed), Utc::now());
        site.control().set_time(clock.now());
        let shown = DemoClock { start, since, speed: self.speed, until: since + LASTS, authority };
        if before.is_some() {
            demo::keep(&store, &shown)?;
        }
        let file = dir.join("bursar.yaml");
        let receiver = Receiver::start(receiver_of(&file), loopback).await?;
        let past = Past::demo(&scenario, start);
        past.tell(site.control());
        let text = settings_text(&site, receiver.address, dir, (self.port, self.speed), &past);
        output::write_file(&file, Existing::Replace, text.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let mut loaded = match super::load(&file, false) {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        loaded.settings.log.level = self.level;
        let _guard = logging::start(&loaded.settings.log)?;
        let settings = loaded.settings.clone();
        past::write(&settings, &past, site.control(), &shown)
            .await
            .context("cannot write the demo's past")?;
        let daemon = Daemon::start_with(loaded.settings, clock, Some(self.level), Arc::default())
            .await
            .context("the demo can't start (where the port of the page is taken: --port 0)")?;

        outln!("A simulated Qlik Sense site, watched by the real daemon.");
        outln!("  site      https://{}/qrs (mutual TLS)", site.addr());
        outln!("  settings  {}", file.display());
        outln!("  store     {}", settings.storage.path.display());
        outln!("  webhooks  http://{}/ (a receiver of the demo's own)", receiver.address);
        if let Some(page) = daemon.page() {
            outln!("  page      http://{page}/");
        } else {
            outln!("  page      not yet: port {} is taken; --port 0 takes any free one", self.port);
        }
        outln!("  time      runs {} times as fast\n", self.speed);

        let lasting = lasting(daemon.store().clone(), shown.clone());
        let picture = tokio::select! {
            picture = first_results(&daemon, &settings, clock) => Some(picture?),
            () = stop.cancelled() => None,
        };
        if let Some(picture) = &picture {
            out!("{}", status::render(picture, settings.time_zone, Paint::for_stdout()));
        }
        if !self.once {
            if picture.is_some() {
                outln!("\nWhat to try, in another terminal:");
                for (command, what) in TO_TRY {
                    outln!("  {}   {what}", command);
                }
                let kept = match &self.dir {
                    Some(_) => "its files stay",
                    None => "its files are removed then",
                };
                outln!("\nIt goes on, and logs what calls for somebody, until ctrl-c; {kept}.");
                if let Some(page) = daemon.page() {
                    let page = format!("http://{page}/");
                    outln!("Look at it: {page}");
                    if self.open {
                        open::open(&page);
                    }
                }
            }
            stop.cancelled().await;
        }
        signals.abort();
        lasting.abort();
        let ended = DemoClock { until: Utc::now(), ..shown };
        let ended = daemon.store().keep_demo_clock(ended).await;
        daemon.stop().await;
        ended.context("the end of the demo can't be stored")?;
        receiver.stop.cancel();
        site.stop().await;
        Ok(if self.once && picture.is_none() { Exit::Failed } else { Exit::Ok })
    }
}

/// Commands that show what there is, and what that is.
const TO_TRY: [(&str, &str); 5] = [
    ("bursar status", "what is known now"),
    ("bursar insight forecast", "when the seats run out"),
    ("bursar release plan", "whose seats the rules would release"),
    ("bursar alert list", "what calls for somebody"),
    ("bursar report --period last-quarter --format html -o report.html", "a report for auditors"),
];

/// The demo's clock runs for so long after the last word of the demo, should it end without one.
const LASTS: TimeDelta = TimeDelta::seconds(30);

/// Says every few seconds that the demo goes on.
fn lasting(store: Store, shown: DemoClock) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let shown = DemoClock { until: Utc::now() + LASTS, ..shown.clone() };
            if let Err(error) = store.keep_demo_clock(shown).await {
                tracing::warn!("the clock of the demo can't be stored: {error}");
            }
        }
    })
}

/// Waits until every monitor has read its site once.
async fn first_results(
    daemon: &Daemon,
    settings: &Settings,
    clock: Clock,
) -> anyhow::Result<Status> {
    let complete = async {
        let mut changes = daemon.store().changes();
        loop {
            let picture = Status::read(settings, daemon.store(), clock.now()).await?;
            let all = |s: &crate::status::SiteStatus| {
                s.server_license.is_some()
                    && s.access_licenses.is_some()
                    && s.monitor_app.is_some()
                    && s.release.is_some()
            };
            // The license ends soon, and the rules are looked at after that is known.
            let told =
                |alert: &crate::alert::state::Alert| alert.key.rule == Rule::ServerLicenseExpiring;
            if picture.sites.iter().all(all) && picture.alerts.iter().any(told) {
                return anyhow::Ok(picture);
            }
            changes.changed().await.context("the store was closed")?;
        }
    };
    tokio::time::timeout(FIRST_RESULTS, complete).await.context("no results within 60 s")?
}

/// The settings of the demo, as a person would write them.
fn settings_text(
    site: &Running,
    receiver: SocketAddr,
    dir: &Path,
    (port, speed): (u16, f64),
    past: &Past,
) -> String {
    // A fast clock shows minutes while a request is under way.
    let tolerance = (speed * 5.0).clamp(300.0, 86_400.0) as u32;
    let certificates = dir.join("certificates");
    let file = |name: &str| certificates.join(name).display().to_string();
    format!(
        "\
{MADE}
Butler:
  logLevel: info
  storage:
    path: '{store}'
    history:
      rawDays: 7 # three years fit into a small file
      hourlyDays: 35
  web:
    enable: true
    host: 127.0.0.1
    port: {port}
  cert:
    clientCert: '{client_cert}'
    clientCertKey: '{client_key}'
    clientCertCA: '{ca}'
  configQRS:
    authentication: certificates
    host: {host}
    port: {qrs_port}
    useSSL: true
    rejectUnauthorized: true
    tlsServerName: {server_name}
    headers:
      static:
        - name: X-Qlik-User
          value: UserDirectory=INTERNAL; UserId=sa_api
  cost:
    currency: EUR
    professional:
      perSeatPerYear: 1300
    analyzer:
      perSeatPerYear: 420
    analyzerCapacity:
      perThousandMinutes: 70
    budgetPerYear: 560000
  webhookNotification:
    enable: true
    qlikSenseServerLicenseExpiryAlert:
      rateLimit: 5
      webhooks:
        - description: receiver of the demo
          webhookURL: http://{receiver}/license-alert
          httpMethod: POST
    qlikSenseAlert:
      rateLimit: 1
      webhooks:
        - description: receiver of the demo, as Slack would get it
          webhookURL: http://{receiver}/alerts
          httpMethod: POST
          template: slack
    qlikSenseLicenseMonitor:
      rateLimit: 5
      webhooks:
        - description: receiver of the demo
          webhookURL: http://{receiver}/licenses
          httpMethod: PUT
  alert:
    destination:
      webhook:
        enable: true
  report:
    enable: true
    folder: '{reports}'
    frequency: 0 6 1 * *
    period: last-month
    formats: [html, csv]
  qlikSenseVersion:
    versionMonitor:
      enable: true
      frequency: every 60 minutes
      port: {qrs_port}
  qlikSenseLicense:
    seatMonitor:
      enable: true
      frequency: every 15 minutes
      breakdownBy: [Department]
    licenseMonitorApp:
      enable: true
      frequency: every 15 minutes
    serverLicenseMonitor:
      enable: true
      frequency: every 15 minutes
      alert:
        thresholdDays: 60
      destination:
        webhook:
          enable: true
          sendRecurring:
            enable: false
          sendAlert:
            enable: true
    licenseMonitor:
      enable: true
      frequency: every 5 minutes
      destination:
        webhook:
          enable: true
          sendRecurring:
            enable: true
    licenseRelease:
      enable: true
      dryRun: true
      frequency: every 60 minutes
      licenseKeyShared: false
      clockToleranceSeconds: {tolerance}
      freeze:
        - from: {frozen_from}
          to: {frozen_to}
          why: {frozen_why}
      neverRelease:
        tag:
          - License do not release
      licenseType:
        analyzer:
          enable: true
          releaseThresholdDays: 30
          maxReleases: 20
          maxReleasePercent: 40
        professional:
          enable: true
          releaseThresholdDays: 30
          maxReleasePercent: 24
          keepFree: 20
",
        store = dir.join(STORE).display(),
        frozen_from = past.frozen.days.0,
        frozen_to = past.frozen.days.1,
        frozen_why = past.frozen.why,
        reports = dir.join("reports").display(),
        client_cert = file("client.pem"),
        client_key = file("client_key.pem"),
        ca = file(ROOT),
        host = site.addr().ip(),
        qrs_port = site.addr().port(),
        server_name = site.pki().server_name,
    )
}

/// Where the webhooks of a demo's settings go, if there are some already.
fn receiver_of(file: &Path) -> Option<SocketAddr> {
    let text = crate::input::read_text(file, crate::input::SMALL).ok()?;
    let address = text.split("webhookURL: http://").nth(1)?.split('/').next()?;
    address.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback())
}

/// A webhook receiver that logs what it gets.
struct Receiver {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Receiver {
    /// At the address of the demo before where that is free: its queues go on then.
    async fn start(before: Option<SocketAddr>, other: SocketAddr) -> anyhow::Result<Self> {
        let show = async |uri: axum::http::Uri, body: String| {
            tracing::debug!("webhook received at {}: {body}", uri.path());
        };
        let app = Router::new().route("/{*path}", post(show).put(show));
        let same = match before {
            Some(before) => tokio::net::TcpListener::bind(before).await.ok(),
            None => None,
        };
        let listener = match same {
            Some(listener) => listener,
            None => tokio::net::TcpListener::bind(other).await?,
        };
        let (address, stop) = (listener.local_addr()?, CancellationToken::new());
        let stopped = stop.clone();
        tokio::spawn(async move {
            let served =
                axum::serve(listener, app).with_graceful_shutdown(stopped.cancelled_owned());
            if let Err(error) = served.await {
                tracing::error!(%error, "the demo's webhook receiver stopped");
            }
        });
        Ok(Self { address, stop })
    }
}

/// Where the demo keeps its files: a given folder, or one of its own that goes with it.
struct Folder {
    path: PathBuf,
    own: bool,
}

impl Folder {
    fn make(given: Option<&Path>) -> anyhow::Result<Self> {
        let (path, own) = match given {
            Some(path) => (path.to_owned(), false),
            None => {
                let name = format!("bursar-demo-{}", uuid::Uuid::new_v4());
                (std::env::temp_dir().join(name), true)
            }
        };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(!own);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let path = std::path::absolute(path)?;
        is_free(&path)?;
        Ok(Self { path, own })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// Settings and a store that no demo made belong to somebody.
fn is_free(folder: &Path) -> anyhow::Result<()> {
    let (file, store) = (folder.join("bursar.yaml"), folder.join(STORE));
    let is_ours = |file: &Path| {
        crate::input::read_text(file, crate::input::SMALL).is_ok_and(|text| text.starts_with(MADE))
    };
    anyhow::ensure!(
        !file.exists() || is_ours(&file),
        "{} is not a demo's and would be replaced; let --dir name another folder",
        file.display()
    );
    anyhow::ensure!(
        !store.exists() || clock_of(&store).is_some(),
        "{} is not a demo's store; let --dir name another folder",
        store.display()
    );
    // Before anything is written: its files are in use.
    anyhow::ensure!(
        lock::holder(&store)? == Holder::Nobody,
        "a demo runs in {} already; let --dir name another folder",
        folder.display()
    );
    Ok(())
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.own
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            errln!("bursar: cannot remove {}: {error}", self.path.display());
        }
    }
}
