//! `bursar simulate`: a simulated Qlik Sense site for tests and trials.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::command::{program, quoted};
use super::{Exit, block_on};
use crate::daemon;
use crate::input;
use crate::simulator::{Running, Scenario};

/// Run a simulated Qlik Sense site (Repository Service over mutual TLS)
///
/// Writes the certificates a client needs, as Qlik exports them, and serves until stopped.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar simulate\n  bursar simulate -c config/scenarios/troubled.yaml --listen 127.0.0.1:5000"
)]
pub(crate) struct Simulate {
    /// Scenario (YAML); without it, the demo's site and people for the guide to a first release
    #[arg(short = 'c', long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:4242")]
    listen: SocketAddr,
    /// Folder the certificates are written to; made when missing
    #[arg(long, value_name = "DIR", default_value = "certificates")]
    certificates: PathBuf,
}

impl Simulate {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let scenario = match &self.scenario {
            None => Scenario::trial(),
            Some(path) => {
                let text = input::read_text(path, input::SMALL)
                    .with_context(|| format!("cannot read the scenario {}", path.display()))?;
                match Scenario::from_yaml(&text) {
                    Ok(scenario) => scenario,
                    Err(error) => {
                        errln!("{}: {error}", path.display());
                        return Ok(Exit::Unusable);
                    }
                }
            }
        };
        block_on(async move {
            let site = Running::start(scenario, self.listen)
                .await
                .with_context(|| format!("cannot listen on {}", self.listen))?;
            let files = site.pki().write_to(&self.certificates).with_context(|| {
                format!("cannot write certificates to {}", self.certificates.display())
            })?;
            outln!("simulated Qlik Sense site at https://{}/qrs", site.addr());
            if let Some(proxy) = site.proxy() {
                outln!("  virtual proxy at https://{}", proxy.address());
            }
            outln!("  server name  {}", site.pki().server_name);
            outln!("  clientCert   {}", files.client_cert.display());
            outln!("  clientCertKey {}", files.client_key.display());
            outln!("  clientCertCA {}", files.root.display());
            outln!(
                "\nTo watch it, in another terminal:\n  {} init --host {} --port {} --tls-server-name {} --certificates {} --check\nIt goes on until ctrl-c.",
                program(),
                site.addr().ip(),
                site.addr().port(),
                site.pki().server_name,
                quoted(&self.certificates.display().to_string())
            );
            let stop = CancellationToken::new();
            daemon::signals(stop, daemon::Hangup::Stops).await;
            site.stop().await;
            anyhow::Ok(Exit::Ok)
        })?
    }
}
