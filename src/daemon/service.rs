//! Bursar as a Windows service.

#[cfg(windows)]
pub use windows::{install, run, uninstall};

/// Name in the service manager (`sc query Bursar`).
pub const NAME: &str = "Bursar";

#[cfg(windows)]
mod windows {
    use std::ffi::{OsStr, OsString};
    use std::path::Path;
    use std::sync::{Arc, OnceLock};
    use std::time::Duration;

    use anyhow::Context;
    use tokio_util::sync::CancellationToken;
    use windows_service::service::{
        ServiceAccess, ServiceControl, ServiceControlAccept, ServiceErrorControl, ServiceExitCode,
        ServiceInfo, ServiceStartType, ServiceState, ServiceStatus, ServiceType,
    };
    use windows_service::service_control_handler::{
        self, ServiceControlHandlerResult, ServiceStatusHandle,
    };
    use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
    use windows_service::{define_windows_service, service_dispatcher};

    use super::NAME;

    /// The service's main function gets no arguments of ours, so they wait here.
    static BODY: OnceLock<Body> = OnceLock::new();

    struct Body(Box<dyn Fn(CancellationToken) -> anyhow::Result<()> + Send + Sync>);

    define_windows_service!(ffi_main, service_main);

    /// Registers the service: started with the machine, with this executable and settings file.
    pub fn install(config: &Path) -> anyhow::Result<()> {
        let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
        let manager = manager(access)?;
        let config = std::path::absolute(config)?;
        let info = ServiceInfo {
            name: OsString::from(NAME),
            display_name: OsString::from("Bursar license monitor"),
            service_type: ServiceType::OWN_PROCESS,
            start_type: ServiceStartType::AutoStart,
            error_control: ServiceErrorControl::Normal,
            executable_path: std::env::current_exe()?,
            launch_arguments: vec!["service".into(), "run".into(), "-c".into(), config.into()],
            dependencies: vec![],
            account_name: None,
            account_password: None,
        };
        let service = manager
            .create_service(&info, ServiceAccess::CHANGE_CONFIG)
            .context("cannot create the service")?;
        service
            .set_description("Watches the licenses of Qlik Sense sites")
            .context("cannot describe the service")
    }

    /// Stops and removes the service.
    pub fn uninstall() -> anyhow::Result<()> {
        let manager = manager(ServiceManagerAccess::CONNECT)?;
        let access = ServiceAccess::STOP | ServiceAccess::DELETE | ServiceAccess::QUERY_STATUS;
        let service =
            manager.open_service(NAME, access).with_context(|| format!("no service {NAME}"))?;
        if service.query_status()?.current_state != ServiceState::Stopped {
            service.stop().context("cannot stop the service")?;
        }
        service.delete().context("cannot remove the service")
    }

    fn manager(access: ServiceManagerAccess) -> anyhow::Result<ServiceManager> {
        ServiceManager::local_computer(None::<&OsStr>, access)
            .context("cannot talk to the service manager; run as administrator")
    }

    /// Hands this process to the service manager. `body` runs until its token is cancelled; its
    /// last log line has to be written when it returns, because the process may end right then.
    pub fn run(
        body: impl Fn(CancellationToken) -> anyhow::Result<()> + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(BODY.set(Body(Box::new(body))).is_ok(), "the service runs already");
        service_dispatcher::start(NAME, ffi_main)
            .context("only the service manager can start this; use: sc start Bursar")
    }

    fn service_main(_arguments: Vec<OsString>) {
        if let Err(error) = serve() {
            tracing::error!("the service failed: {error:#}");
        }
    }

    fn serve() -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        let status = |state, accepted, exit_code| ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted: accepted,
            exit_code: ServiceExitCode::Win32(exit_code),
            checkpoint: 0,
            wait_hint: Duration::from_secs(15),
            process_id: None,
        };
        let none = ServiceControlAccept::empty();
        let stop_from_outside = stop.clone();
        let registered = Arc::new(OnceLock::<ServiceStatusHandle>::new());
        let registered_later = Arc::clone(&registered);
        let handle = service_control_handler::register(NAME, move |control| match control {
            ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
                // Asks for the time that the last delivery may take.
                if let Some(handle) = registered_later.get() {
                    let _ = handle.set_service_status(status(ServiceState::StopPending, none, 0));
                }
                stop_from_outside.cancel();
                ServiceControlHandlerResult::NoError
            }
            ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
            _ => ServiceControlHandlerResult::NotImplemented,
        })?;
        let _ = registered.set(handle);
        let accepted = ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN;
        handle.set_service_status(status(ServiceState::Running, accepted, 0))?;
        let body = BODY.get().context("the service has nothing to run")?;
        let result = (body.0)(stop);
        let exit_code = u32::from(result.is_err());
        handle.set_service_status(status(ServiceState::Stopped, none, exit_code))?;
        Ok(())
    }
}
