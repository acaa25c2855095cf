//! The simulated site over real sockets: TLS, the order of the checks, every error text, faults.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bursar::simulator::{
    DateStyle, FORBIDDEN_TEXT, Fault, FaultRule, LicenseVariant, MISSING_VALUE_TEXT, Running,
    Scenario, When, XSRF_TEXT,
};
use reqwest::{Certificate, Identity, Method, StatusCode};
use serde_json::Value;

const KEY: &str = "0123456789abcdef";
const USER: &str = "UserDirectory=INTERNAL; UserId=sa_api";

async fn start(scenario: Scenario) -> Running {
    Running::start(scenario, ([127, 0, 0, 1], 0).into()).await.unwrap()
}

fn identity(cert: &str, key: &str) -> Identity {
    Identity::from_pem(format!("{cert}{key}").as_bytes()).unwrap()
}

/// A client that knows the site's authority and presents `identity`, if any.
fn client(site: &Running, identity: Option<Identity>) -> reqwest::Client {
    bursar::tls::install_provider();
    let root = Certificate::from_pem(site.pki().root_pem.as_bytes()).unwrap();
    let mut builder = reqwest::Client::builder()
        .tls_certs_only([root])
        .resolve(&site.pki().server_name, site.addr())
        .no_proxy()
        .timeout(Duration::from_secs(20));
    if let Some(identity) = identity {
        builder = builder.identity(identity);
    }
    builder.build().unwrap()
}

struct Qrs<'a> {
    site: &'a Running,
    http: reqwest::Client,
}

impl<'a> Qrs<'a> {
    fn new(site: &'a Running) -> Self {
        let pki = site.pki();
        Self { site, http: client(site, Some(identity(&pki.client_pem, &pki.client_key_pem))) }
    }

    /// `path` may have a query.
    fn url(&self, path: &str) -> String {
        let separator = if path.contains('?') { '&' } else { '?' };
        let (name, port) = (&self.site.pki().server_name, self.site.addr().port());
        format!("https://{name}:{port}{path}{separator}xrfkey={KEY}")
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, self.url(path))
            .header("X-Qlik-Xrfkey", KEY)
            .header("X-Qlik-User", USER)
    }

    async fn text(&self, path: &str) -> (StatusCode, String) {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn json(&self, path: &str) -> Value {
        let (status, text) = self.text(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn sample(name: &str) -> Value {
    let path = format!("{}/tests/data/qrs/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Field names in their order and kinds of values, without the values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
        Value::Array(rows) => Value::Array(rows.iter().take(1).map(shape).collect()),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "bool".into(),
        Value::Null => Value::Null,
    }
}

#[track_caller]
fn assert_shape(actual: &Value, sample_name: &str) {
    let (actual, expected) = (shape(actual), shape(&sample(sample_name)));
    // As text, because the order of the fields counts.
    assert_eq!(actual.to_string(), expected.to_string(), "{sample_name}");
}

#[tokio::test]
async fn a_client_without_certificate_is_refused_in_tls() {
    let site = start(Scenario::default()).await;
    let pki = site.pki();
    let expired = identity(&pki.expired_client_pem(), &pki.client_key_pem);
    let foreign = identity(&pki.foreign_client_pem(), &pki.client_key_pem);
    for (identity, why) in
        [(None, "NoCertificates"), (Some(expired), "expired"), (Some(foreign), "UnknownIssuer")]
    {
        let qrs = Qrs { site: &site, http: client(&site, identity) };
        qrs.request(Method::GET, "/qrs/about").send().await.unwrap_err();
        let failures = site.control().tls_failures();
        let last = failures.last().unwrap().replace("peer sent no certificates", "NoCertificates");
        assert!(last.contains(why), "{last} is not {why}");
    }
    assert_eq!(site.control().request_count(), 0);
}

#[tokio::test]
async fn the_checks_come_in_the_servers_order() {
    let site = start(Scenario::default()).await;
    let qrs = Qrs::new(&site);
    let get = |path: &str, key: Option<&str>, user: Option<&str>| {
        let mut request = qrs.http.get(format!(
            "https://{}:{}{path}",
            site.pki().server_name,
            site.addr().port()
        ));
        if let Some(key) = key {
            request = request.header("x-qlik-xrfkey", key);
        }
        if let Some(user) = user {
            request = request.header("X-Qlik-User", user);
        }
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    let xrsf = (403, XSRF_TEXT.to_owned());
    let forbidden = (403, FORBIDDEN_TEXT.to_owned());
    // Without a key nothing else is looked at.
    assert_eq!(get("/nowhere", None, None).await, xrsf);
    assert_eq!(get("/qrs/about", Some(KEY), Some(USER)).await, xrsf);
    assert_eq!(get(&format!("/qrs/about?xrfkey={KEY}"), None, Some(USER)).await, xrsf);
    assert_eq!(
        get(&format!("/qrs/about?xrfkey={KEY}"), Some("0123456789abcdeF"), Some(USER)).await,
        xrsf
    );
    for bad in ["0123456789abcde", "0123456789abcdef0", "0123456789abcde-"] {
        assert_eq!(get(&format!("/qrs/about?xrfkey={bad}"), Some(bad), Some(USER)).await, xrsf);
    }
    // Then the user, even where the path leads nowhere.
    for user in [None, Some("UserDirectory=CORP; UserId=nobody"), Some("nonsense")] {
        assert_eq!(get(&format!("/nowhere?xrfkey={KEY}"), Some(KEY), user).await, forbidden);
    }
    // Then the query, then the path.
    let cut = (400, MISSING_VALUE_TEXT.to_owned());
    assert_eq!(get(&format!("/nowhere?a=b&c&xrfkey={KEY}"), Some(KEY), Some(USER)).await, cut);
    assert_eq!(get(&format!("/nowhere?xrfkey={KEY}"), Some(KEY), Some(USER)).await.0, 404);
    // Names in any case, blanks and escapes in the user.
    for user in [
        USER,
        "userdirectory=internal;userid=SA_REPOSITORY",
        "UserDirectory=%49NTERNAL; UserId=sa%5Fapi",
    ] {
        assert_eq!(get(&format!("/QRS/About?XrfKey={KEY}"), Some(KEY), Some(user)).await.0, 200);
    }
    let requests = site.control().requests();
    let last = requests.last().unwrap();
    assert_eq!((last.line().as_str(), last.status), ("GET /QRS/About", Some(200)));
    assert!(last.xrf_ok && last.query.contains(KEY));
    assert!(!requests[0].xrf_ok);
    assert_eq!(requests.len() as u64, site.control().request_count());
}

#[tokio::test]
async fn the_plain_endpoints_answer_in_the_shape_of_the_samples() {
    let site = start(Scenario::default()).await;
    let qrs = Qrs::new(&site);
    assert_eq!(qrs.json("/qrs/about").await, sample("about"));
    assert_eq!(qrs.text("/qrs/ssl/ping").await, (StatusCode::OK, "Ping successful".to_owned()));
    assert_shape(&qrs.json("/qrs/license").await, "license_signed_key");
    let overview = qrs.json("/qrs/license/accesstypeoverview").await;
    assert_eq!(overview, sample("accesstypeoverview_professional_analyzer_capacity"));
    assert_shape(&qrs.json("/qrs/license/accesstypeinfo").await, "accesstypeinfo_deprecated");

    site.control().set_license(LicenseVariant::none());
    assert_eq!(qrs.json("/qrs/license").await, sample("license_none"));
    site.control().set_license(LicenseVariant::lef(When::in_days(10)));
    assert_shape(&qrs.json("/qrs/license").await, "license_lef_2017");
    let us = LicenseVariant::signed_as("2027-03-16".parse().unwrap(), DateStyle::Us);
    site.control().set_license(us);
    let text = qrs.json("/qrs/license").await["keyDetails"].as_str().unwrap().to_owned();
    assert!(text.contains("\nValid To: 3/16/2027 12:00:00 AM\n"), "{text}");
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let site = start(Scenario::default()).await;
    let qrs = Qrs::new(&site);
    for _ in 0..20 {
        qrs.json("/qrs/about").await;
    }
    assert_eq!((site.control().connections(), site.control().request_count()), (1, 20));
}

#[tokio::test]
async fn faults_strike_as_often_as_they_should() {
    let site = start(Scenario::default()).await;
    let qrs = Qrs::new(&site);
    let fault = Fault::Status { code: 503, html: true, retry_after_seconds: Some(7) };
    site.control().set_fault(FaultRule::on("/qrs/LICENSE", fault).method("get").skip(1).times(2));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = qrs.request(Method::GET, "/qrs/license").send().await.unwrap();
        let retry_after = answer.headers().get("retry-after").is_some();
        assert_eq!(retry_after, answer.status() == 503);
        seen.push(answer.status().as_u16());
        qrs.json("/qrs/about").await;
    }
    assert_eq!(seen, [200, 503, 503, 200, 200]);
}
