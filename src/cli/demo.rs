//! `bursar demo`: the real daemon against a simulated site, nothing else needed.

mod gaps;
mod past;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use chrono::Utc;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::text::Paint;
use super::{Exit, block_on, parse_level, status};
use crate::clock::Clock;
use crate::config::Settings;
use crate::daemon::{self, Daemon, logging};
use crate::event::Rule;
use crate::output::{self, Existing};
use crate::simulator::past::Past;
use crate::simulator::{Running, Scenario, SeatKind};
use crate::status::Status;

/// Watch a simulated Qlik Sense site: certificates, settings, store and page are made for it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  bursar demo\n  bursar demo --speed 3600 --dir ./demo")]
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
    /// End as soon as the first results are shown
    #[arg(long)]
    once: bool,
    /// Log level: error, warn, info, verbose, debug, silly
    #[arg(short, long, value_parser = parse_level, default_value = "info")]
    level: LevelFilter,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=1_000_000.0).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 1 to 1000000".to_owned()),
    }
}

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
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let mut scenario = Scenario::demo();
        scenario.clock.speed = self.speed;
        let clock = Clock::fast(Utc::now(), self.speed);
        let site =
            Running::start(scenario.clone(), loopback).await.context("cannot start the site")?;
        let certificates = dir.join("certificates");
        site.pki().write_to(&certificates).context("cannot write the certificates")?;
        let receiver = Receiver::start(loopback).await?;

        let file = dir.join("bursar.yaml");
        let text = settings_text(&site, receiver.address, dir, self.port);
        output::write_file(&file, Existing::Replace, text.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let mut loaded = match super::load(&file, false) {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        loaded.settings.log.level = self.level;
        let _guard = logging::start(&loaded.settings.log)?;
        let settings = loaded.settings.clone();
        let past = Past::demo(&scenario, clock.now());
        let seats = [SeatKind::Professional, SeatKind::Analyzer];
        let seats = seats.into_iter().flat_map(|kind| site.control().seats(kind)).collect();
        past::write(&settings, &past, seats, scenario.seed)
            .await
            .context("cannot write the demo's past")?;
        let daemon = Daemon::start(loaded.settings, clock)
            .await
            .context("the demo can't start; another port for the page: --port 0")?;

        outln!("A simulated Qlik Sense site, watched by the real daemon.");
        outln!("  site      https://{}/qrs (mutual TLS)", site.addr());
        outln!("  settings  {}", file.display());
        outln!("  store     {}", settings.storage.path.display());
        outln!("  webhooks  http://{}/ (a receiver of the demo's own)", receiver.address);
        if let Some(page) = daemon.page() {
            outln!("  page      http://{page}/");
        }
        outln!("  time      runs {} times as fast\n", self.speed);

        let picture = first_results(&daemon, &settings, clock).await?;
        out!("{}", status::render(&picture, settings.time_zone, Paint::for_stdout()));
        if !self.once {
            outln!("It goes on until ctrl-c; changes are logged below.\n");
            daemon::signals(CancellationToken::new(), daemon::Hangup::Stops).await;
        }
        daemon.stop().await;
        receiver.stop.cancel();
        site.stop().await;
        Ok(Exit::Ok)
    }
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
fn settings_text(site: &Running, receiver: SocketAddr, dir: &Path, port: u16) -> String {
    let certificates = dir.join("certificates");
    let file = |name: &str| certificates.join(name).display().to_string();
    format!(
        "\
# Made by `bursar demo`.
Butler:
  logLevel: info
  storage:
    path: '{store}'
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
      neverRelease:
        tag:
          - License do not release
      licenseType:
        analyzer:
          enable: true
          releaseThresholdDays: 30
          maxReleases: 20
        professional:
          enable: true
          releaseThresholdDays: 30
          keepFree: 20
",
        store = dir.join("bursar.db").display(),
        reports = dir.join("reports").display(),
        client_cert = file("client.pem"),
        client_key = file("client_key.pem"),
        ca = file("root.pem"),
        host = site.addr().ip(),
        qrs_port = site.addr().port(),
        server_name = site.pki().server_name,
    )
}

/// A webhook receiver that logs what it gets.
struct Receiver {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Receiver {
    async fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        let show = async |uri: axum::http::Uri, body: String| {
            tracing::info!("webhook received at {}: {body}", uri.path());
        };
        let app = Router::new().route("/{*path}", post(show).put(show));
        let listener = tokio::net::TcpListener::bind(listen).await?;
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
        Ok(Self { path, own })
    }

    fn path(&self) -> &Path {
        &self.path
    }
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
