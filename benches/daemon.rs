//! What the daemon costs: time to the first poll, memory, polls a second, processor time.
//!
//! `cargo bench --bench daemon` builds the release binary and runs it against a simulated site on
//! loopback. Figures are printed, nothing is asserted.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bursar::license::DateOrder;
use bursar::qrs;
use bursar::qrs::settings::Connection;
use bursar::simulator::{Running, Scenario};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    bursar::tls::install_provider();
    runtime.block_on(run());
}

struct Bench {
    folder: tempfile::TempDir,
    site: Running,
}

async fn run() {
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let site = Running::start(Scenario::default(), loopback).await.expect("the site starts");
    let folder = tempfile::tempdir().expect("a folder");
    site.pki().write_to(&folder.path().join("certificates")).expect("certificates are written");
    let bench = Bench { folder, site };
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_bursar")).expect("the binary is there");
    println!("binary                                    {:8.1} MB", binary.len() as f64 / 1e6);

    bench.first_poll();
    bench.memory();
    bench.rate().await;
    bench.many_sites().await;
}

impl Bench {
    fn settings(&self, sites: usize, frequency: &str) -> String {
        let certificates = self.folder.path().join("certificates");
        let list: String = if sites == 1 {
            String::new()
        } else {
            let names = (0..sites).map(|i| format!("    - {{name: site{i:04}}}\n"));
            format!("  sites:\n{}", names.collect::<String>())
        };
        let store = self.folder.path().join(format!("{}.db", uuid::Uuid::new_v4()));
        format!(
            "\
Butler:
  storage: {{path: '{store}'}}
  cert:
    clientCert: '{certificates}/client.pem'
    clientCertKey: '{certificates}/client_key.pem'
    clientCertCA: '{certificates}/root.pem'
  configQRS:
    host: 127.0.0.1
    port: {port}
    tlsServerName: {name}
    headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}}]}}
  qlikSenseLicense:
    serverLicenseMonitor: {{enable: true, frequency: '{frequency}'}}
    licenseMonitor: {{enable: true, frequency: '{frequency}'}}
{list}",
            store = store.display(),
            certificates = certificates.display(),
            port = self.site.addr().port(),
            name = self.site.pki().server_name,
        )
    }

    fn start(&self, settings: &str, more: &[&str]) -> Daemon {
        let file = self.folder.path().join("bursar.yaml");
        std::fs::write(&file, settings).expect("the file is written");
        Daemon::start(&file, more)
    }

    /// From process start to the line that says that a poll is stored, on an empty store.
    fn first_poll(&self) {
        let mut times = Vec::new();
        for _ in 0..20 {
            let settings = self.settings(1, "every 24 hours");
            let began = Instant::now();
            let mut daemon = self.start(&settings, &[]);
            daemon.wait_for("access licenses: ");
            times.push(began.elapsed());
        }
        times.sort();
        println!(
            "start to first completed poll             {:8.1} ms median, {:.1} ms worst of {}",
            millis(times[times.len() / 2]),
            millis(times[times.len() - 1]),
            times.len()
        );
    }

    /// Resident memory at rest, and after 1,000 polls.
    fn memory(&self) {
        let fast = ["--speed", "1200", "-l", "debug"];
        let mut daemon = self.start(&self.settings(1, "every 1 minute"), &fast);
        daemon.wait_for("access licenses: ");
        println!("resident after the first polls            {:8.1} MiB", daemon.resident_mib());
        for _ in 0..1000 {
            daemon.wait_for("access licenses: ");
        }
        println!("resident after 1,000 polls of each kind   {:8.1} MiB", daemon.resident_mib());
    }

    /// The client's reads a second on one connection, against a bare client that downloads and
    /// parses the same.
    async fn rate(&self) {
        let certificates = self.folder.path().join("certificates");
        let user = "UserDirectory=INTERNAL; UserId=sa_api";
        let connection = Connection {
            host: "127.0.0.1".to_owned(),
            port: self.site.addr().port(),
            use_ssl: true,
            client_cert: certificates.join("client.pem"),
            client_key: certificates.join("client_key.pem"),
            ca_cert: certificates.join("root.pem"),
            reject_unauthorized: true,
            tls_server_name: Some(self.site.pki().server_name.clone()),
            headers: vec![("X-Qlik-User".to_owned(), user.to_owned())],
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            max_concurrency: 4,
            entry: bursar::qrs::settings::Entry::default(),
            missing: None,
        };
        let client = qrs::Client::new("bench", &connection).expect("a client");
        let until = || bursar::qrs::Patience::retrying_for(Duration::from_secs(60));
        let ours = rate(async || {
            client.pools(until()).await.expect("pools");
            client.server_license(DateOrder::Unset, until()).await.expect("a license");
        })
        .await;

        let files =
            bursar::tls::ClientFiles { cert: &connection.client_cert, key: &connection.client_key };
        let trust = bursar::tls::Trust::CaFile(&connection.ca_cert);
        let tls = bursar::tls::client_config(trust, Some(files)).expect("TLS settings");
        let name = &self.site.pki().server_name;
        let bare = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .resolve(name, self.site.addr())
            .build()
            .expect("a client");
        let base = format!("https://{name}:{}/qrs/license", self.site.addr().port());
        let get = async |path: &str| {
            let request = bare
                .get(format!("{base}{path}?xrfkey=0123456789abcdef"))
                .header("X-Qlik-Xrfkey", "0123456789abcdef")
                .header("X-Qlik-User", user);
            let body = request.send().await.expect("an answer").bytes().await.expect("a body");
            serde_json::from_slice::<serde_json::Value>(&body).expect("JSON")
        };
        let limit = rate(async || {
            get("/accesstypeoverview").await;
            get("").await;
        })
        .await;
        println!("both reads of one site, one connection    {ours:8.0} a second");
        println!(
            "  a bare client, same bytes               {limit:8.0} a second, {:.2} times ours",
            limit / ours
        );
    }

    /// Processor time of 1,000 sites, each polled by both monitors every minute.
    async fn many_sites(&self) {
        let mut daemon = self.start(&self.settings(1000, "every 1 minute"), &["-l", "warn"]);
        // Past the start, when every site makes its connection.
        tokio::time::sleep(Duration::from_secs(75)).await;
        let (before, polls) = (daemon.cpu_seconds(), self.site.control().request_count());
        tokio::time::sleep(Duration::from_secs(120)).await;
        let used = daemon.cpu_seconds() - before;
        println!(
            "1,000 sites each minute                   {:8.2} % of one core, {:.1} reads a second, \
             {:.1} MiB resident",
            used / 120.0 * 100.0,
            (self.site.control().request_count() - polls) as f64 / 120.0,
            daemon.resident_mib()
        );
        daemon.end();
    }
}

async fn rate(mut step: impl AsyncFnMut()) -> f64 {
    for _ in 0..50 {
        step().await;
    }
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(5) {
        step().await;
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

struct Daemon {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Daemon {
    fn start(file: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bursar"))
            .args(["run", "-c"])
            .arg(file)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        Self { child, lines }
    }

    fn wait_for(&mut self, text: &str) {
        for line in self.lines.by_ref() {
            if line.expect("text").contains(text) {
                return;
            }
        }
        panic!("the daemon ended before it said {text:?}");
    }

    fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
        let kib: f64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib / 1024.0
    }

    /// User and system time so far, in seconds.
    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("Linux");
        let fields: Vec<&str> =
            stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks = |i: usize| fields[i].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / 100.0
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}
