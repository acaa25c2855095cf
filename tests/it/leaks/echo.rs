//! Servers that repeat every credential that they are sent, in every form, through everything that Bursar
//! writes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{LOOKS, PAGES};
use crate::support::process::{Process, output};
use crate::support::receiver::Receiver;

/// The planted secrets: 25, with all that needs escapes somewhere.
const INFLUX: &str = "inf1/+\"&<ä> 'lux%2F\\=Zq01";
const SMTP: &str = "smtp/+\"&<ä> 'pass%41\\=Zq02";
const MQTT: &str = "mqtt/+\"&<ä> 'pass%41\\=Zq03";
/// Of the site, in headers.
const SITE: [&str; 3] =
    ["site-key-/+\"&<>%41\\=Zq04", "bearer.tok/+en=Zq05", "c00kie-sess/+ion%Zq06"];
const IN_ENV: &str = "env/+\"&<>%41-hmac\\=Zq07";
const IN_FILE: &str = "file/+\"&<>%41-value\\=Zq08";

/// Of webhooks: header, part of the path, part of the query, password before the host.
fn webhook(n: usize) -> [String; 4] {
    [
        format!("hook{n}-head/+\"&<>%41\\=Zq1{n}"),
        format!("T0{n}PathTokenZq2{n}"),
        format!("query{n}/+&<>=%41Zq3{n}"),
        format!("user{n}+pass-Zq4{n}"),
    ]
}

fn secrets() -> Vec<String> {
    let mut all: Vec<String> = [INFLUX, SMTP, MQTT, IN_ENV, IN_FILE].map(str::to_owned).into();
    all.extend(SITE.map(str::to_owned));
    all.extend((0..4).flat_map(webhook));
    all.push("hmac-key-/+\"Zq50".to_owned());
    assert_eq!(all.len(), 25);
    all
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for part in bytes.chunks(3) {
        let number = (0..3).fold(0, |n, i| n << 8 | usize::from(*part.get(i).unwrap_or(&0)));
        for i in 0..=part.len() {
            out.push(char::from(SIGNS[number >> (18 - 6 * i) & 63]));
        }
        out.push_str(&"="[..usize::from(part.len() < 3)].repeat(3 - part.len()));
    }
    out
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// `%2f` in the place of `%2F`.
fn small_hex(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        out.push_str(&format!("%{}{rest}", digits.to_lowercase()));
    }
    out
}

/// How a text may come back.
fn forms(text: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(text).to_string();
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut all = vec![
        text.to_owned(),
        percent(text),
        small_hex(&percent(text).replace('+', "%20")),
        quoted.trim_matches('"').to_owned(),
        html.replace('"', "&quot;").replace('\'', "&#39;"),
        text.replace('&', "\\u0026").replace('<', "\\u003c"),
    ];
    all.extend(["", "x", "xx"].map(|before| base64(format!("{before}{text}!").as_bytes())));
    all.extend(["", "x", "xx"].map(|before| {
        base64(format!("{before}{text}!").as_bytes()).replace('+', "-").replace('/', "_")
    }));
    all
}

/// Parts of a text that tell of a secret: none may be anywhere.
fn traces(secret: &str) -> Vec<String> {
    let mut all = forms(secret);
    all.truncate(6);
    // Of Base64 the middle, which is the same whatever stands around it.
    for form in forms(secret).split_off(6) {
        all.push(form[4..form.len() - 6].to_owned());
    }
    all
}

fn assert_clean(place: &str, text: &str) {
    for secret in secrets() {
        for trace in traces(&secret) {
            let at = text.find(&trace);
            let near = at.map(|at| text[..at].lines().last().unwrap_or_default());
            assert!(at.is_none(), "{secret} is in {place} as {trace}, after {near:?}");
        }
    }
}

/// Repeats what it was sent: an InfluxDB, a site and a webhook receiver in one.
async fn http_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(repeat).with_state(Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn repeat(State(count): State<Arc<AtomicUsize>>, request: Request) -> Response {
    let header = |name: &str| {
        let values = request.headers().get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        values.collect::<Vec<_>>().join(" ")
    };
    let path = request.uri().path().to_owned();
    let sent = [header("authorization"), header("x-api-key"), header("cookie")].join(" ");
    let sent = format!("{} {}", sent.trim(), request.uri());
    // Each time in another form.
    let basic = header("authorization").strip_prefix("Basic ").map(|_| format!("bursar:{INFLUX}"));
    let texts = forms(basic.as_deref().unwrap_or(sent.trim()));
    let n = count.fetch_add(1, Ordering::Relaxed);
    let text = format!("you sent {} or {}", sent.trim(), texts[n % texts.len()]);
    match path.as_str() {
        "/qrs/about" => {
            let about = serde_json::json!({ "buildVersion": text, "schemaPath": "About" });
            axum::Json(about).into_response()
        }
        "/qrs/license" => (StatusCode::BAD_REQUEST, text).into_response(),
        path if path.starts_with("/qrs/") => {
            axum::Json(serde_json::json!({ "schemaPath": text, "name": text })).into_response()
        }
        _ => {
            let error = serde_json::json!({ "error": text }).to_string();
            let mut response = (StatusCode::BAD_REQUEST, error).into_response();
            if let Ok(version) = sent.parse() {
                response.headers_mut().insert("x-influxdb-version", version);
            }
            response
        }
    }
}

/// A mail server that refuses each login with all that it knows of it.
async fn smtp_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut n = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let (from, mut to) = stream.into_split();
            let mut lines = BufReader::new(from).lines();
            let _ = to.write_all(b"220 mail ESMTP\r\n").await;
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.get(..4).unwrap_or_default() {
                    "EHLO" => "250-mail\r\n250 AUTH PLAIN LOGIN\r\n".to_owned(),
                    "AUTH" => {
                        n += 1;
                        let forms = forms(SMTP);
                        let form = &forms[n % forms.len()];
                        format!("535-5.7.8 you sent {line}\r\n535 5.7.8 that is {form}\r\n")
                    }
                    "QUIT" => break,
                    _ => "250 ok\r\n".to_owned(),
                };
                let _ = to.write_all(answer.as_bytes()).await;
            }
        }
    });
    address
}

/// A broker of MQTT 5 that takes the connection and ends it, with the password as its reason.
async fn mqtt_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut n = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut connect = [0; 1024];
            let _ = stream.read(&mut connect).await;
            let forms = forms(MQTT);
            let reason = format!("you sent {}", forms[n % forms.len()]);
            n += 1;
            let length = u8::try_from(reason.len()).unwrap();
            // CONNACK, then DISCONNECT (not authorized) with a reason string.
            let mut answer = vec![0x20, 3, 0, 0, 0];
            let properties = length + 3;
            assert!(properties < 0x7d, "lengths of one byte");
            answer.extend([0xe0, properties + 2, 0x87, properties, 0x1f, 0, length]);
            answer.extend(reason.bytes());
            let _ = stream.write_all(&answer).await;
            let _ = stream.read(&mut connect).await;
        }
    });
    address
}

fn settings(folder: &Path, http: SocketAddr, smtp: u16, mqtt: u16, good: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let hooks: Vec<String> = (0..4)
        .map(|n| {
            let [header, path, query, password] = webhook(n);
            let hmac = if n == 0 { quoted("hmac-key-/+\"Zq50") } else { "\"${env:HMAC}\"".into() };
            format!(
                "        - description: echo {n}
          webhookURL: {}
          httpMethod: POST
          headers: [{{name: X-Token, value: {}}}]
          hmacKey: {hmac}
",
                quoted(&format!(
                    "http://me:{password}@{http}/hook/{path}?code={}",
                    percent(&query)
                )),
                quoted(&header)
            )
        })
        .collect();
    let template = folder.join("body.hbs");
    std::fs::write(&template, "{\"text\": \"{{summary}}\", \"key\": \"{{values.key}}\"}").unwrap();
    std::fs::write(folder.join("value"), format!("{IN_FILE}\n")).unwrap();
    format!(
        "Butler:
  logLevel: debug
  fileLogging: true
  logDirectory: '{folder}/log'
  storage: {{path: '{folder}/bursar.db'}}
  web: {{enable: true, port: 0}}
  cert: {{clientCert: x, clientCertKey: x, clientCertCA: x}}
  configQRS:
    host: 127.0.0.1
    port: {port}
    useSSL: false
    headers:
      static:
        - {{name: X-Qlik-User, value: UserDirectory=Internal; UserId=sa_api}}
        - {{name: X-Api-Key, value: {key}}}
        - {{name: Authorization, value: 'Bearer {bearer}'}}
        - {{name: Cookie, value: 'a=1; session={cookie}'}}
  qlikSenseLicense:
    serverLicenseMonitor:
      enable: true
      frequency: every 1 hour
      destination:
        influxDb: {{enable: true}}
        mqtt: {{enable: true, sendRecurring: {{enable: true}}, sendAlert: {{enable: true}}}}
        webhook: {{enable: true, sendRecurring: {{enable: true}}, sendAlert: {{enable: true}}}}
    licenseMonitor: {{enable: true, frequency: every 1 hour, destination: {{influxDb: {{enable: true}}}}}}
    seatMonitor: {{enable: true, frequency: every 1 hour}}
    licenseMonitorApp: {{enable: true}}
  alert:
    rules:
      siteUnreachable: {{forMinutes: 0}}
      queueGrowing: {{forMinutes: 0, events: 1}}
    destination:
      influxDb: {{enable: true}}
      mqtt: {{enable: true}}
      email: {{enable: true}}
      webhook: {{enable: true}}
  heartbeat: {{enable: true, remoteURL: {beat}, frequency: every 1 second, signals: startAndFail}}
  influxDb:
    enable: true
    hostIP: 127.0.0.1
    hostPort: {port}
    version: 1
    v1Config: {{auth: {{enable: true, username: bursar, password: {influx}}}, dbName: butler}}
  mqttConfig:
    enable: true
    brokerHost: 127.0.0.1
    brokerPort: {mqtt}
    protocolVersion: '5'
    username: bursar
    password: {mqtt_password}
  email:
    enable: true
    host: 127.0.0.1
    port: {smtp}
    security: none
    username: bursar
    password: {smtp_password}
    from: Bursar <bursar@example.com>
    to: [Ada <ada@example.com>]
  webhookNotification:
    enable: true
    qlikSenseAlert:
      webhooks:
{hooks}        - description: takes all
          webhookURL: '{good}'
          httpMethod: POST
          templateFile: '{template}'
          values: [{{name: key, value: '${{file:{folder}/value}}'}}]
        - description: takes all as it is
          webhookURL: '{good}/plain'
          httpMethod: POST
",
        folder = folder.display(),
        port = http.port(),
        beat = {
            let [_, path, query, password] = webhook(0);
            let query = percent(&query);
            quoted(&format!("http://me:{password}@{http}/hook/{path}?code={query}"))
        },
        key = quoted(SITE[0]),
        bearer = SITE[1],
        cookie = SITE[2],
        influx = quoted(INFLUX),
        mqtt_password = quoted(MQTT),
        smtp_password = quoted(SMTP),
        hooks = hooks.concat(),
        template = template.display(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_repeat_25_secrets_reach_no_output_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let (http, smtp, mqtt) = (http_echo().await, smtp_echo().await, mqtt_echo().await);
    let good = Receiver::start().await;
    let file = place.join("bursar.yaml");
    let yaml = settings(place, http, smtp.port(), mqtt.port(), &good.url("/good"));
    std::fs::write(&file, yaml).unwrap();
    let file = file.to_str().unwrap();
    let mut command = crate::support::process::bursar(&["run", "-c", file]);
    let mut daemon = Process::spawn(command.env("HMAC", IN_ENV).current_dir(place));
    let page = daemon.wait_for("status page at http://");
    let page = page.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    // Each server has said its part, and nothing of it but the secrets is lost.
    for said in [
        "535: 5.7.8 you sent AUTH PLAIN ***",
        "ended the connection: not authorized (reason 0x87) (you sent ***",
    ] {
        daemon.wait_for(said);
    }
    good.wait(|calls| calls.iter().any(|call| call.path == "/good/plain")).await;
    let run = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["-c", file]);
        let mut command = crate::support::process::bursar(&all);
        let output = command.env("HMAC", IN_ENV).current_dir(place).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap()
    };
    let looks = LOOKS.iter().map(|(args, _)| args.split(' ').collect::<Vec<_>>());
    for args in looks {
        let said = run(&args);
        // A record of nothing is nothing.
        assert!(
            said.is_empty() == args.ends_with(&["jsonl"]) && !said.contains("panicked"),
            "{args:?}: {said}"
        );
        assert!(!said.contains("unexpected argument"), "{args:?}: {said}");
        assert_clean(&format!("{args:?}"), &said);
    }
    let listed = run(&["outbox", "list"]);
    assert!(listed.contains("you sent"), "the servers' words are kept:\n{listed}");
    let checked = run(&["check"]);
    assert!(checked.contains("you sent ***") || checked.contains("AUTH PLAIN ***"), "{checked}");
    for path in PAGES {
        let text =
            reqwest::get(format!("http://{page}{path}")).await.unwrap().text().await.unwrap();
        assert!(!text.is_empty() && !text.contains("no such page"), "{path}: {text}");
        assert_clean(path, &text);
    }
    for call in good.calls() {
        // This one is sent its own.
        let own =
            call.body.replace(serde_json::Value::from(IN_FILE).to_string().trim_matches('"'), "");
        assert_clean("what a receiver is sent", &own);
    }
    let (status, lines) = daemon.terminate();
    assert!(status.success());
    let tells = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(tells("signs of life do not get to"), "{lines:#?}");
    assert_clean("the log", &lines.join("\n"));
    for entry in
        std::fs::read_dir(place.join("log")).unwrap().chain(std::fs::read_dir(place).unwrap())
    {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("bursar") && name != "bursar.yaml" {
            assert_clean(&name, &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
    let _ = output(&["healthcheck", "-c", file], place);
}
