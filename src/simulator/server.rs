//! The listener: TLS with a demanded client certificate, HTTP/1.1, faults, shutdown.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Map, Value};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Pace, PacedBody, ResetSwitch, Wire};
use super::control::Control;
use super::fault::Fault;
use super::pki::{Pki, SHARED_SERVER_NAME};
use super::proxy::Proxy;
use super::routes::{self, HTML, HttpResponse, Request};
use super::scenario::Scenario;

/// A simulated site that listens. Dropped, it stops listening too, but nobody waits for it.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    pki: Arc<Pki>,
    control: Control,
    proxy: Option<Proxy>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Starts a site. Port 0 takes a free one. Certificates are made for the scenario's server
    /// name; sites of the usual name share one set in a process.
    pub async fn start(scenario: Scenario, listen: SocketAddr) -> io::Result<Self> {
        let name = scenario.server_name.clone();
        let pki = tokio::task::spawn_blocking(move || {
            if name == SHARED_SERVER_NAME { Pki::shared().clone() } else { Pki::generate(&name) }
        })
        .await
        .map_err(io::Error::other)?;
        Self::start_with(scenario, pki, listen).await
    }

    /// Starts a site with certificates that are there already.
    pub async fn start_with(scenario: Scenario, pki: Pki, listen: SocketAddr) -> io::Result<Self> {
        let tls12_only = scenario.tls12_only;
        let proxy = scenario.proxy.clone();
        let listener = TcpListener::bind(listen).await?;
        let control = tokio::task::spawn_blocking(move || Control::new(&scenario))
            .await
            .map_err(io::Error::other)?;
        let mut running = Self::go_on(control, pki, tls12_only, listener)?;
        if let Some(settings) = proxy {
            let (tls, control) = (proxy_config(&running.pki)?, running.control.clone());
            let until = (running.stop.clone(), running.tasks.clone());
            running.proxy = Some(Proxy::start(settings, tls, control, until).await?);
        }
        Ok(running)
    }

    /// Goes on with a site that may have been served before, by another runtime: with all that became of it. Whoever
    /// goes on in a runtime with another clock sets the site's.
    ///
    /// # Errors
    /// The certificates can't be used.
    pub fn go_on(
        control: Control,
        pki: Pki,
        tls12_only: bool,
        listener: TcpListener,
    ) -> io::Result<Self> {
        let tls = TlsAcceptor::from(Arc::new(server_config(&pki, tls12_only)?));
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let running = Self {
            proxy: None,
            addr,
            pki: Arc::new(pki),
            control: control.clone(),
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        tasks.clone().spawn(async move {
            let accepting = accept(listener, tls, control, stop.clone(), tasks);
            tokio::select! {
                () = stop.cancelled() => {}
                () = accepting => {}
            }
        });
        Ok(running)
    }

    /// The address it listens on, with the port that was taken.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The virtual proxy before it, if the scenario has one.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The certificates a client needs.
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// Changes and watches the site.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops listening, drops all connections, and waits until the port is free.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn server_config(pki: &Pki, tls12_only: bool) -> io::Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let cert = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other);
    let mut roots = RootCertStore::empty();
    roots.add(cert(&pki.root_pem)?).map_err(io::Error::other)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(io::Error::other)?;
    let versions = if tls12_only { &[&rustls::version::TLS12][..] } else { rustls::ALL_VERSIONS };
    let key = PrivateKeyDer::from_pem_slice(pki.server_key_pem.as_bytes());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(io::Error::other)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![cert(&pki.server_pem)?], key.map_err(io::Error::other)?)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A proxy asks for no certificate.
fn proxy_config(pki: &Pki) -> io::Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let cert =
        CertificateDer::from_pem_slice(pki.server_pem.as_bytes()).map_err(io::Error::other)?;
    let key =
        PrivateKeyDer::from_pem_slice(pki.server_key_pem.as_bytes()).map_err(io::Error::other)?;
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .map_err(io::Error::other)
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    control: Control,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        // An error is one connection's (or a lack of file handles, which passes).
        let Ok((tcp, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let number = control.connected();
        let (tls, control, stop) = (tls.clone(), control.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve(tcp, tls, control.clone(), number) => {}
            }
            control.disconnected();
        });
    }
}

async fn serve(tcp: TcpStream, tls: TlsAcceptor, control: Control, number: u64) {
    // Only a matter of speed.
    let _ = tcp.set_nodelay(true);
    let reset = ResetSwitch::default();
    let stream = match tls.accept(Wire::new(tcp, reset.clone())).await {
        Ok(stream) => stream,
        Err(error) => return control.tls_failed(error.to_string()),
    };
    let service = service_fn(|request| handle(request, control.clone(), reset.clone(), number));
    // The errors are the client's, or those that a fault asked for.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn handle(
    http: HttpRequest<Incoming>,
    control: Control,
    reset: ResetSwitch,
    connection: u64,
) -> io::Result<Response<PacedBody>> {
    let mut request = Request::new(http.method().as_str(), http.uri().path(), http.uri().query());
    request.xrf_header = header(http.headers(), "x-qlik-xrfkey");
    request.user_header = header(http.headers(), "x-qlik-user");
    request.content_type = header(http.headers(), "content-type");
    request.body = read(http.into_body()).await?;
    let number = control.begin(&request, connection);
    let faults = control.faults_for(&request);
    if number == 1 {
        let wait = control.site().quirks.slow_first_answer_seconds;
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    for fault in &faults {
        match fault {
            Fault::Latency { millis } => tokio::time::sleep(Duration::from_millis(*millis)).await,
            Fault::UserLogsIn { user } => control.log_in_by_name(user),
            Fault::SeatTaken { seat } => {
                control.remove_seat(seat);
            }
            Fault::Hang => pending::<()>().await,
            Fault::ResetBefore => {
                reset.pull();
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            _ => {}
        }
    }
    let (mut answer, stranger, date) = {
        let mut site = control.site();
        let answer = faults
            .iter()
            .find_map(in_place_of_answer)
            .unwrap_or_else(|| routes::answer(&mut site, &request));
        let skew = faults.iter().map(|fault| match fault {
            Fault::ClockSkew { seconds } => *seconds,
            _ => 0,
        });
        let stranger = faults.iter().find_map(|fault| match fault {
            Fault::AnotherUser { user } => site.user_row(user),
            _ => None,
        });
        (answer, stranger, routes::date_header(&site, skew.sum()))
    };
    if faults.contains(&Fault::HangHandled) {
        pending::<()>().await;
    }
    if faults.contains(&Fault::ResetHandled) {
        reset.pull();
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    for fault in &faults {
        if let Fault::StatusHandled { code, html } = fault {
            answer = status_answer(*code, *html);
        }
        change(&mut answer, fault, &request);
    }
    if let Some(user) = stranger {
        change_json(&mut answer, &request, |json| match json {
            Value::Array(rows) => rows.push(user),
            object => *object = user,
        });
    }
    let pace = faults.iter().find_map(pace).unwrap_or(Pace::AtOnce);
    let reset_after = faults.contains(&Fault::ResetAfter);
    control.finish(number, answer.status, answer.body.len());
    Ok(respond(answer, &date, PacedBodyParts { pace, reset, reset_after }))
}

struct PacedBodyParts {
    pace: Pace,
    reset: ResetSwitch,
    reset_after: bool,
}

fn respond(answer: HttpResponse, date: &str, parts: PacedBodyParts) -> Response<PacedBody> {
    let body = PacedBody::new(answer.body, parts.pace, parts.reset, parts.reset_after);
    let mut response = Response::builder().status(answer.status).header(DATE, date);
    if answer.status != 204 {
        response = response.header(CONTENT_TYPE, answer.content_type);
    }
    if let Some(seconds) = answer.retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    response.body(body).expect("status and headers are valid")
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

pub(super) async fn read(mut body: Incoming) -> io::Result<Bytes> {
    let mut all = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await
    {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            all.extend_from_slice(&data);
        }
    }
    Ok(all.into())
}

fn in_place_of_answer(fault: &Fault) -> Option<HttpResponse> {
    Some(match fault {
        Fault::Status { code, html, retry_after_seconds } => {
            let mut answer = status_answer(*code, *html);
            answer.retry_after = *retry_after_seconds;
            answer
        }
        Fault::Unauthorized => HttpResponse::html(401, "401 Unauthorized"),
        Fault::Forbidden => HttpResponse::forbidden(),
        Fault::Xsrf => HttpResponse::text(403, routes::XSRF_TEXT),
        _ => return None,
    })
}

fn status_answer(code: u16, html: bool) -> HttpResponse {
    let code = code.clamp(200, 599);
    if html { HttpResponse::html(code, &title(code)) } else { HttpResponse::text(code, "") }
}

fn title(code: u16) -> String {
    let reason = hyper::StatusCode::from_u16(code).ok().and_then(|s| s.canonical_reason());
    format!("{code} {}", reason.unwrap_or("Error"))
}

/// What a fault does to an answer that was made.
fn change(answer: &mut HttpResponse, fault: &Fault, request: &Request) {
    let is_list = || answer.body.first() == Some(&b'[');
    match fault {
        Fault::HtmlOk => {
            *answer = HttpResponse::html(200, "Log in");
            answer.content_type = HTML;
        }
        Fault::EmptyOk => *answer = HttpResponse::bytes(""),
        Fault::Null => *answer = HttpResponse::bytes("null"),
        Fault::EmptyObject => *answer = HttpResponse::bytes("{}"),
        Fault::BrokenJson => {
            let half = answer.body.slice(..answer.body.len() / 2);
            answer.body = half;
        }
        Fault::ObjectForList if is_list() => {
            let list = String::from_utf8_lossy(&answer.body).into_owned();
            answer.body = format!("{{\"value\":{list}}}").into();
        }
        Fault::ShortList { drop } => change_json(answer, request, |json| {
            if let Value::Array(rows) = json {
                rows.truncate(rows.len().saturating_sub(*drop));
            }
        }),
        Fault::HiddenRows { drop } if request.route.ends_with("/count") => {
            if let Ok(json) = serde_json::from_slice::<Value>(&answer.body) {
                let count = json["value"].as_u64().unwrap_or(0) as usize;
                *answer = HttpResponse::count(count.saturating_sub(*drop));
            }
        }
        Fault::HiddenRows { drop } => {
            change(answer, &Fault::ShortList { drop: *drop }, request);
        }
        Fault::RepeatedRow { times } => change_json(answer, request, |json| {
            if let Value::Array(rows) = json
                && let Some(first) = rows.first().cloned()
            {
                rows.iter_mut().rev().take(*times).for_each(|row| *row = first.clone());
            }
        }),
        Fault::Field { name, value } => each_row(answer, request, |row| {
            row.insert(name.clone(), value.clone());
        }),
        Fault::FieldMissing { name } => each_row(answer, request, |row| {
            row.shift_remove(name);
        }),
        _ => {}
    }
}

/// Changes an object or a list that was found; counts stay as they are.
fn change_json(answer: &mut HttpResponse, request: &Request, change: impl FnOnce(&mut Value)) {
    if answer.status != 200 || request.route.ends_with("/count") {
        return;
    }
    if let Ok(mut json) = serde_json::from_slice(&answer.body) {
        change(&mut json);
        answer.body = json.to_string().into();
    }
}

/// Changes each row of a list, or the object that the answer is.
fn each_row(
    answer: &mut HttpResponse,
    request: &Request,
    change: impl Fn(&mut Map<String, Value>),
) {
    change_json(answer, request, |json| match json {
        Value::Array(rows) => rows.iter_mut().filter_map(Value::as_object_mut).for_each(change),
        Value::Object(object) => change(object),
        _ => {}
    });
}

fn pace(fault: &Fault) -> Option<Pace> {
    match fault {
        Fault::Truncate => Some(Pace::Half),
        Fault::SlowDrip { bytes, millis } => {
            Some(Pace::Drip { bytes: *bytes, pause: Duration::from_millis(*millis) })
        }
        _ => None,
    }
}
