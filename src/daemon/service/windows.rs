//! Bursar as a Windows service.

use std::ffi::{OsStr, OsString};
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod,
    ServiceInfo, ServiceSidType, ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{define_windows_service, service_dispatcher};

use super::rights::{self, Grant};
use super::{Known, NAME};
use crate::plain::one_line;

/// Where event sources are registered.
const SOURCE: &str = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\Bursar";

/// Longest text of an event, in characters.
const LONGEST_EVENT: usize = 8_000;

/// So long a service may take until it runs: the service manager gives up after 30 seconds.
const START_LIMIT: Duration = Duration::from_secs(45);

/// A service that ran so long has its log, its store and its addresses.
const SETTLED: Duration = Duration::from_secs(3);

/// No window for a helper.
const NO_WINDOW: u32 = 0x0800_0000;

/// What the event log is told.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    Started,
    Stopped,
    Failed,
    /// The settings can't be used.
    Refused,
}

/// How the service ended.
#[derive(Debug)]
pub enum Ended {
    Stopped,
    /// With an error that starting again may mend.
    Failed(anyhow::Error),
    /// The settings can't be used: starting again would change nothing.
    Refused(String),
}

/// What the service does once the service manager knows it.
type Body = Box<dyn Fn(CancellationToken, &(dyn Fn() + Sync)) -> Ended + Send + Sync>;

/// The service's main function gets no arguments of ours, so they wait here.
static BODY: OnceLock<Body> = OnceLock::new();

define_windows_service!(ffi_main, service_main);

/// Registers the service: started with the computer some time after others, as an account of its own, and started again
/// when it fails. A service that is there is changed to that. What of it is not in order is told: it runs without it.
///
/// # Errors
/// When the service manager refuses.
pub fn install(config: &Path) -> anyhow::Result<Vec<String>> {
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = manager(access)?;
    let config = std::path::absolute(config)?;
    let info = ServiceInfo {
        name: OsString::from(NAME),
        display_name: OsString::from("Bursar license monitor"),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        // Quoted where they have blanks.
        executable_path: std::env::current_exe()?,
        launch_arguments: vec!["service".into(), "run".into(), "-c".into(), config.into()],
        dependencies: vec![],
        account_name: Some(rights::ACCOUNT.into()),
        account_password: None,
    };
    // To start is asked for because failure actions start it.
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let service = match manager.open_service(NAME, access) {
        Ok(service) => {
            service.change_config(&info).context("cannot change the service that is there")?;
            service
        }
        Err(error) if is_code(&error, ABSENT) => {
            manager.create_service(&info, access).context("cannot create the service")?
        }
        Err(error) => return Err(error).context("cannot change the service that is there"),
    };
    let mut wrong = configure(&service);
    if let Err(error) = register_source() {
        wrong.push(format!("the event log doesn't know {NAME}: {error:#}"));
    }
    Ok(wrong)
}

/// `ERROR_SERVICE_ALREADY_RUNNING`
const ALREADY_RUNNING: i32 = 1056;

/// `ERROR_SERVICE_DOES_NOT_EXIST`
const ABSENT: i32 = 1060;

fn is_code(error: &windows_service::Error, code: i32) -> bool {
    matches!(error, windows_service::Error::Winapi(error) if error.raw_os_error() == Some(code))
}

/// What a service has beyond its program and account. Each that can't be had is told.
fn configure(service: &Service) -> Vec<String> {
    let again = |minutes: u64| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(minutes * 60),
    };
    let failure_actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(24 * 60 * 60)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![again(1), again(5), again(5)]),
    };
    let set = [
        (
            "cannot describe the service",
            service.set_description("Watches the licenses of Qlik Sense sites"),
        ),
        ("cannot delay the start of the service", service.set_delayed_auto_start(true)),
        (
            "cannot give the service a name in rights",
            service.set_config_service_sid_info(ServiceSidType::Unrestricted),
        ),
        (
            "cannot have the service started again when it fails",
            service.update_failure_actions(failure_actions),
        ),
        // Also when it stops by itself with an error.
        (
            "cannot have the service started again after an error",
            service.set_failure_actions_on_non_crash_failures(true),
        ),
    ];
    let told = |(what, result): (&str, windows_service::Result<()>)| {
        let error = anyhow::Error::from(result.err()?);
        Some(format!("{what}: {error:#}"))
    };
    set.into_iter().filter_map(told).collect()
}

/// Makes the event log know the texts of this program. EventCreate.exe, which Windows has, brings their form.
fn register_source() -> anyhow::Result<()> {
    for (name, kind, value) in [
        ("EventMessageFile", "REG_EXPAND_SZ", "%SystemRoot%\\System32\\EventCreate.exe"),
        ("TypesSupported", "REG_DWORD", "7"),
        ("CustomSource", "REG_DWORD", "1"),
    ] {
        called("reg", &["add", SOURCE, "/v", name, "/t", kind, "/d", value, "/f"])?;
    }
    Ok(())
}

/// Writes to the event log of the computer. What can't be written is only logged.
pub fn tell(event: Event, text: &str) {
    let (id, kind) = match event {
        Event::Started => ("1", "INFORMATION"),
        Event::Stopped => ("2", "INFORMATION"),
        Event::Failed => ("3", "ERROR"),
        Event::Refused => ("4", "ERROR"),
    };
    let text: String = one_line(text).chars().take(LONGEST_EVENT).collect();
    let args = ["/L", "APPLICATION", "/SO", NAME, "/T", kind, "/ID", id, "/D", &text];
    if let Err(error) = called("eventcreate", &args) {
        tracing::debug!("the event log can't be written: {error:#}");
    }
}

/// Stops and removes the service.
///
/// # Errors
/// When there is none, or it can't be stopped or removed.
pub fn uninstall() -> anyhow::Result<()> {
    let manager = manager(ServiceManagerAccess::CONNECT)?;
    let access = ServiceAccess::STOP | ServiceAccess::DELETE | ServiceAccess::QUERY_STATUS;
    let service =
        manager.open_service(NAME, access).with_context(|| format!("no service {NAME}"))?;
    if service.query_status()?.current_state != ServiceState::Stopped {
        if let Err(error) = service.stop() {
            // It may be about to stop already, or be through with it.
            let state = service.query_status()?.current_state;
            if !matches!(state, ServiceState::StopPending | ServiceState::Stopped) {
                return Err(error).context("cannot stop the service");
            }
        }
        let until = Instant::now() + crate::daemon::STOP_LIMIT + Duration::from_secs(5);
        while service.query_status()?.current_state != ServiceState::Stopped {
            anyhow::ensure!(Instant::now() < until, "the service does not stop");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    service.delete().context("cannot remove the service")?;
    // Events that were written stay; without their source, Windows shows them without their form.
    let _ = called("reg", &["delete", SOURCE, "/f"]);
    Ok(())
}

/// Starts the service, and sees that it runs and goes on. Gives whether it was started: `false` where it ran already.
///
/// # Errors
/// When the service manager refuses, or it stopped again.
pub fn start() -> anyhow::Result<bool> {
    let manager = manager(ServiceManagerAccess::CONNECT)?;
    let service = manager.open_service(NAME, ServiceAccess::START | ServiceAccess::QUERY_STATUS)?;
    match service.start::<&OsStr>(&[]) {
        Ok(()) => {}
        Err(error) if is_code(&error, ALREADY_RUNNING) => return Ok(false),
        Err(error) => return Err(error).context("cannot start the service"),
    }
    let begun = Instant::now();
    let mut ran = None;
    loop {
        let status = service.query_status().context("cannot ask for the service")?;
        match status.current_state {
            ServiceState::StartPending => {
                anyhow::ensure!(begun.elapsed() < START_LIMIT, "the service does not start");
            }
            ServiceState::Running => {
                if ran.get_or_insert_with(Instant::now).elapsed() >= SETTLED {
                    return Ok(true);
                }
            }
            _ => anyhow::bail!(
                "the service stopped again ({}): the event log (Windows Logs, Application, source {NAME}) and its log \
                 file say why",
                told(&status.exit_code)
            ),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How a service ended.
fn told(code: &ServiceExitCode) -> String {
    match code {
        ServiceExitCode::Win32(0) => "success".to_owned(),
        ServiceExitCode::Win32(code) | ServiceExitCode::ServiceSpecific(code) => {
            format!("exit-code {code}")
        }
    }
}

/// How the service is.
///
/// # Errors
/// When the service manager can't be asked.
pub fn known() -> anyhow::Result<Known> {
    let mut known = Known { manager: "windows", ..Known::default() };
    let manager = ServiceManager::local_computer(None::<&OsStr>, ServiceManagerAccess::CONNECT)
        .context("cannot talk to the service manager")?;
    let access = ServiceAccess::QUERY_CONFIG | ServiceAccess::QUERY_STATUS;
    let service = match manager.open_service(NAME, access) {
        Ok(service) => service,
        Err(error) if is_code(&error, ABSENT) => return Ok(known),
        Err(error) => return Err(error).context("cannot ask for the service"),
    };
    let (config, status) = (service.query_config()?, service.query_status()?);
    known.installed = true;
    known.by = Some("command");
    known.enabled = Some(config.start_type == ServiceStartType::AutoStart);
    known.command = Some(config.executable_path.display().to_string());
    known.account = config.account_name.map(|name| name.to_string_lossy().into_owned());
    known.runs = status.current_state == ServiceState::Running;
    known.state = Some(
        match status.current_state {
            ServiceState::Stopped => "stopped",
            ServiceState::StartPending => "starting",
            ServiceState::StopPending => "stopping",
            ServiceState::Running => "running",
            _ => "paused",
        }
        .to_owned(),
    );
    known.pid = status.process_id.filter(|pid| *pid != 0);
    // ERROR_SERVICE_NEVER_STARTED is no end.
    known.last_result =
        Some(told(&status.exit_code)).filter(|_| status.exit_code != ServiceExitCode::Win32(1077));
    Ok(known)
}

/// Gives the service its rights, and looks at them. What is not in order is told.
pub fn give_rights(grants: &[Grant]) -> Vec<String> {
    let mut found = Vec::new();
    let sid = called("sc", &["showsid", NAME]).ok().and_then(|said| rights::service_sid(&said));
    for grant in grants.iter().filter(|grant| grant.path.exists()) {
        let path = grant.path.display().to_string();
        let arguments = grant.arguments();
        let mut all = vec![path.as_str()];
        all.extend(arguments.iter().map(String::as_str));
        if let Err(error) = called("icacls", &all) {
            found.push(format!("{path}: {error:#}"));
            continue;
        }
        match (rights_of(&grant.path), &sid) {
            (Some(sddl), Some(sid)) => {
                let wrong = rights::wrong(&sddl, sid);
                found.extend(wrong.into_iter().map(|wrong| format!("{path}: {wrong}")));
            }
            _ => found.push(format!("{path}: its rights can't be looked at")),
        }
    }
    found
}

fn rights_of(path: &Path) -> Option<String> {
    let file: PathBuf =
        std::env::temp_dir().join(format!("bursar-rights-{}.txt", std::process::id()));
    let (path, to) = (path.display().to_string(), file.display().to_string());
    let saved =
        called("icacls", &[&path, "/save", &to]).ok().and_then(|_| std::fs::read(&file).ok());
    let _ = std::fs::remove_file(&file);
    saved.and_then(|bytes| rights::saved(&bytes))
}

/// Runs a program of Windows to its end; gives what it says.
fn called(program: &str, args: &[&str]) -> anyhow::Result<String> {
    // By its whole path: a folder of PATH may be writable for others.
    let system = std::env::var_os("SystemRoot").unwrap_or_else(|| "C:\\Windows".into());
    let path = Path::new(&system).join("System32").join(format!("{program}.exe"));
    let output = Command::new(path)
        .args(args)
        .creation_flags(NO_WINDOW)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    let why = if complained.trim().is_empty() { said.trim() } else { complained.trim() };
    anyhow::ensure!(output.status.success(), "{program} {}: {}", args.join(" "), one_line(why));
    Ok(said)
}

fn manager(access: ServiceManagerAccess) -> anyhow::Result<ServiceManager> {
    ServiceManager::local_computer(None::<&OsStr>, access)
        .context("cannot talk to the service manager; run as administrator")
}

/// Hands this process to the service manager, before anything else is done: it waits 30 seconds for that. `body` runs
/// until its token is cancelled, and calls what it is given once it is on its way; its last log line has to be written
/// when it returns, because the process may end right then.
///
/// # Errors
/// When it was not the service manager that started this process.
pub fn run(
    body: impl Fn(CancellationToken, &(dyn Fn() + Sync)) -> Ended + Send + Sync + 'static,
) -> anyhow::Result<()> {
    anyhow::ensure!(BODY.set(Box::new(body)).is_ok(), "the service runs already");
    service_dispatcher::start(NAME, ffi_main)
        .context("only the service manager can start this; use: sc start Bursar")
}

fn service_main(_arguments: Vec<OsString>) {
    if let Err(error) = serve() {
        tracing::error!("the service failed: {error:#}");
        tell(Event::Failed, &format!("the service failed: {error:#}"));
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
    handle.set_service_status(status(ServiceState::StartPending, none, 0))?;
    let body = BODY.get().context("the service has nothing to run")?;
    let accepted = ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN;
    let ended = body(stop, &|| {
        let _ = handle.set_service_status(status(ServiceState::Running, accepted, 0));
        tell(Event::Started, &format!("bursar {} starts", env!("CARGO_PKG_VERSION")));
    });
    let exit_code = match &ended {
        Ended::Stopped => {
            tell(Event::Stopped, "bursar stopped");
            0
        }
        Ended::Failed(error) => {
            tell(Event::Failed, &format!("bursar stopped with an error: {error:#}"));
            1
        }
        // Any other number would have the service manager start it again.
        Ended::Refused(why) => {
            tell(Event::Refused, &format!("the settings can't be used, nothing runs: {why}"));
            0
        }
    };
    handle.set_service_status(status(ServiceState::Stopped, none, exit_code))?;
    Ok(())
}
