//! The simulated site over real sockets: TLS, the order of the checks, every error text, faults.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bursar::simulator::{
    DateStyle, DeletedUser, FORBIDDEN_TEXT, Fault, FaultRule, LicenseVariant, MISSING_VALUE_TEXT,
    Running, Scenario, ScriptLogApi, SeatKind, SeatSpec, When, XSRF_TEXT,
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

/// Waits for something that is about to happen.
async fn until(condition: impl Fn() -> bool) {
    let polled = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polled).await.unwrap();
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

/// A small site whose clock stands still, with each state a seat can be in.
fn states() -> Scenario {
    Scenario::from_yaml(
        "clock: {start: '2026-01-10T08:00:00Z', speed: 0}
population: {users: 0, professional: 0, analyzer: 0}
users:
  - {directory: CORP, userId: user11, name: User11}
  - {directory: CORP, userId: user12, name: 'O''Brien \\ Co'}
  - {directory: CORP, userId: user13, groups: [staff], tags: [License do not release],
     customProperties: [{name: LicenseManage, value: do-not-release}]}
  - {directory: CORP, userId: user15, inactive: true, removedExternally: true, created: 2 years ago}
  - {directory: CORP, userId: boss, roles: [RootAdmin]}
seats:
  - {kind: professional, user: 'CORP\\user11', lastUsed: 2026-01-10T08:00:00.123Z}
  - {kind: professional, user: 'CORP\\user12', created: 1 day ago}
  - {kind: professional, user: 'CORP\\user13', lastUsed: 2 days ago, quarantinedUntil: in 7 days}
  - {kind: professional, user: 'CORP\\user14', lastUsed: 3 days ago, quarantinedUntil: in 6 days}
  - {kind: professional, user: 'CORP\\user15', lastUsed: 40 days ago, excess: true}
  - {kind: analyzer, user: 'CORP\\user11', lastUsed: 2 days ago}
licenseRules: [{name: everybody, kind: professional, directory: CORP, group: staff}]
",
    )
    .unwrap()
}

/// Percent-encodes a value of a query.
fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

const PROFESSIONAL: &str = "/qrs/license/professionalaccesstype";

#[tokio::test]
async fn lists_come_in_all_forms_of_the_samples() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let full = qrs.json(&format!("{PROFESSIONAL}/full")).await;
    let rows = full.as_array().unwrap();
    let sample_rows = sample("professionalaccesstype_full_states.constructed");
    let sample_rows = sample_rows.as_array().unwrap();
    assert_eq!(rows.len(), sample_rows.len());
    for (row, expected) in rows.iter().zip(sample_rows) {
        assert_eq!(shape(row).to_string(), shape(expected).to_string());
        for field in ["excess", "quarantined", "deletedUserId", "deletedUserDirectory"] {
            assert_eq!(row[field], expected[field], "{field} of {row}");
        }
    }
    assert_eq!(rows[0]["lastUsed"], "2026-01-10T08:00:00.123Z");
    assert_eq!(rows[1]["lastUsed"], "1753-01-01T00:00:00.000Z");
    assert_eq!(rows[0]["quarantineEnd"], "1753-01-01T00:00:00.000Z");
    assert_eq!(rows[2]["quarantineEnd"], "2026-01-17T08:00:00.000Z");
    assert_shape(
        &qrs.json("/qrs/license/AnalyzerAccessType/full").await,
        "analyzeraccesstype_full",
    );

    assert_shape(&qrs.json(PROFESSIONAL).await, "accesstype_condensed");
    assert_eq!(qrs.json(&format!("{PROFESSIONAL}/count")).await["value"], 5);
    assert_shape(&qrs.json("/qrs/user/count").await, "count");
    let id = rows[0]["id"].as_str().unwrap();
    assert_eq!(qrs.json(&format!("{PROFESSIONAL}/{}", id.to_uppercase())).await, rows[0]);
    for nothing in ["30000000-0000-4000-8000-00000000ffff", "nonsense"] {
        assert_eq!(qrs.text(&format!("{PROFESSIONAL}/{nothing}")).await.0, 404);
    }
    // The same id of another kind is somebody else's.
    assert_eq!(qrs.text(&format!("/qrs/license/analyzeraccesstype/{id}")).await.0, 404);

    let user = qrs.json("/qrs/user/full?filter=userId%20eq%20%27user13%27").await;
    assert_shape(&user, "user_full");
    let id = user[0]["id"].as_str().unwrap();
    assert_eq!(qrs.json(&format!("/qrs/user/{id}")).await, user[0]);
    let condensed = qrs.json("/qrs/user").await;
    site.control().update_quirks(|quirks| quirks.with_connector_name = false);
    assert_shape(&qrs.json("/qrs/user").await, "user_condensed");
    assert_eq!(condensed[0]["userDirectoryConnectorName"], "INTERNAL");
    assert_shape(&qrs.json("/qrs/servernodeconfiguration").await, "servernodeconfiguration");
    assert_eq!(qrs.json("/qrs/servicestatus/full").await[0]["serviceState"], 2);
    let rule = &qrs.json("/qrs/systemrule/full?filter=category%20eq%20%27License%27").await[0];
    for field in sample("license_rule_systemrule_request").as_object().unwrap().keys() {
        assert!(rule.get(field).is_some(), "{field} is not in {rule}");
    }
    assert_eq!(qrs.text("/qrs/nothing/full").await.0, 404);
}

#[tokio::test]
async fn filters_work_over_http_and_fail_with_plain_texts() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let count = async |list: &str, filter: &str| {
        qrs.json(&format!("{list}/count?filter={}", escaped(filter))).await["value"].clone()
    };
    assert_eq!(count(PROFESSIONAL, "lastUsed le '2026-01-08T08:00:00.000Z'").await, 4);
    assert_eq!(count(PROFESSIONAL, "quarantined eq true and excess eq false").await, 2);
    assert_eq!(count(PROFESSIONAL, "user.userId eq 'USER12'").await, 1);
    assert_eq!(count("/qrs/user", "name eq 'O\\'Brien \\\\ Co'").await, 1);
    assert_eq!(count("/qrs/user", "@LicenseManage eq 'do-not-release'").await, 1);
    assert_eq!(count("/qrs/user", "userDirectory ne 'internal'").await, 5);
    assert_eq!(count("/qrs/user", "").await, 14);

    for (filter, text) in [
        ("name eq 'Q1''25'", "Cannot parse the expression: name eq 'Q1''25'"),
        ("name eq 'Q1'25'", "Cannot parse the expression: name eq 'Q1'25'"),
        ("()", "Invalid expression"),
    ] {
        for form in ["", "/full", "/count"] {
            let answer = qrs
                .request(Method::GET, &format!("/qrs/user{form}?filter={}", escaped(filter)))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 400);
            assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
            assert_eq!(answer.text().await.unwrap(), text);
        }
    }
    // An ampersand that isn't escaped cuts the query.
    let (status, text) = qrs.text("/qrs/user/full?filter=name%20eq%20'a&b'").await;
    assert_eq!((status.as_u16(), text.as_str()), (400, MISSING_VALUE_TEXT));

    let ordered =
        qrs.json("/qrs/user/full?filter=userId%20sw%20'user'&orderby=userId%20desc").await;
    let ids: Vec<&str> =
        ordered.as_array().unwrap().iter().map(|u| u["userId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["user15", "user13", "user12", "user11"]);
}

/// What a real server refuses is refused here; see the list of facts in `docs/simulator.md`.
#[tokio::test]
async fn the_site_is_no_more_lenient_than_a_real_server() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let user = qrs.json("/qrs/user").await[0]["id"].as_str().unwrap().to_owned();
    let quoted = format!("id eq '{user}'");
    let convert = |to: &str, value: &str| {
        format!("Cannot convert the constant value &quot;{to}&quot; to the following: {value}")
    };
    let cannot = |text: &str| format!("Cannot parse the expression: {text}");
    for (list, filter, expected) in [
        ("/qrs/user", quoted.as_str(), convert("Guid", &format!("&#39;{user}&#39;"))),
        (PROFESSIONAL, "user.id eq 'x'", convert("Guid", "&#39;x&#39;")),
        (PROFESSIONAL, "quarantined eq 'true'", convert("Boolean", "&#39;true&#39;")),
        (PROFESSIONAL, "lastUsed gt 5", convert("DateTime", "5")),
        ("/qrs/user", "name eq 5", convert("String", "5")),
        ("/qrs/executionresult", "status eq Nonsense", convert("Int32", "Nonsense")),
        ("/qrs/user", "lastUsed gt '2026-01-01'", cannot("lastUsed gt '2026-01-01'")),
        ("/qrs/user", "name gt 'a'", cannot("name gt 'a'")),
        (PROFESSIONAL, "user eq 'x'", cannot("user eq 'x'")),
    ] {
        for form in ["", "/full", "/count"] {
            let path = format!("{list}{form}?filter={}", escaped(filter));
            assert_eq!(
                qrs.text(&path).await,
                (StatusCode::BAD_REQUEST, expected.clone()),
                "{path}"
            );
        }
    }
    let unquoted = escaped(&format!("id eq {user}"));
    assert_eq!(qrs.json(&format!("/qrs/user/count?filter={unquoted}")).await["value"], 1);
    for order in ["nothing", "name sideways", "name desc desc", "tags.nothing"] {
        let path = format!("/qrs/user/full?orderby={}", escaped(order));
        assert_eq!(qrs.text(&path).await, (StatusCode::BAD_REQUEST, cannot(order)));
    }
    let post = async |path: &str, body: &Value| {
        qrs.request(Method::POST, path).json(body).send().await.unwrap().status().as_u16()
    };
    let table = sample("user_table_request");
    for query in ["?skip=x", "?take=-1", "?sortColumn=nothing"] {
        assert_eq!(post(&format!("/qrs/user/table{query}"), &table).await, 400, "{query}");
    }
    for (field, value) in
        [("definition", "nothing"), ("columnType", "Nothing"), ("name", "two words")]
    {
        let mut table = table.clone();
        table["columns"][0][field] = value.into();
        assert_eq!(post("/qrs/user/table", &table).await, 400, "{field}");
    }
    let selection = format!("/qrs/selection/user?filter={}", escaped(&quoted));
    assert_eq!(post(&selection, &Value::Null).await, 400);
    assert_eq!(post("/qrs/notification?name=User", &serde_json::json!({"a": 1})).await, 400);
    assert_eq!(post("/qrs/notification", &"https://x".into()).await, 400);
    assert_eq!(post("/qrs/user", &serde_json::json!({})).await, 405);
    let send = async |method: Method, path: &str, kind: &str, body: &str| {
        let request = qrs.request(method, path).header("Content-Type", kind);
        request.body(body.to_owned()).send().await.unwrap().status().as_u16()
    };
    let json = "application/json";
    assert_eq!(send(Method::DELETE, PROFESSIONAL, json, "").await, 405);
    assert_eq!(send(Method::POST, PROFESSIONAL, "text/plain", "{}").await, 415);
    let seat = qrs.json(&format!("{PROFESSIONAL}/full")).await[0].clone();
    let path = format!("{PROFESSIONAL}/{}", seat["id"].as_str().unwrap());
    assert_eq!(send(Method::PUT, &path, json, "not JSON").await, 400);
    let mut other = seat.clone();
    other["id"] = user.clone().into();
    assert_eq!(send(Method::PUT, &path, json, &other.to_string()).await, 400);
    assert_eq!(send(Method::PUT, &path, json, &seat.to_string()).await, 200);
    let long =
        format!("/qrs/user/full?filter={}", escaped(&format!("name eq '{}'", "x".repeat(16_384))));
    assert_eq!(qrs.text(&long).await.0, 414);
}

#[tokio::test]
async fn tables_have_pages() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let table = async |query: &str| -> Value {
        let answer = qrs
            .request(Method::POST, &format!("/qrs/User/table{query}"))
            .json(&sample("user_table_request"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    };
    let filter = escaped("userDirectory eq 'CORP'");
    assert_shape(&table(&format!("?filter={filter}")).await, "user_table_response");
    let mut seen = Vec::new();
    for skip in [0, 2, 4, 6] {
        let query =
            format!("?filter={filter}&skip={skip}&take=2&sortColumn=userId&orderAscending=true");
        let page = table(&query).await;
        let rows = page["rows"].as_array().unwrap().clone();
        seen.extend(rows.iter().map(|row| row[1].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, ["boss", "user11", "user12", "user13", "user15"]);
}

#[tokio::test]
async fn a_selection_holds_what_was_put_into_it() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let user = qrs.json("/qrs/user/full?filter=userId%20eq%20'user11'").await[0].clone();
    let mut body = sample("selection_request");
    body["items"][0]["objectID"] = user["id"].clone();
    let answer = qrs.request(Method::POST, "/qrs/selection").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let selection: Value = answer.json().await.unwrap();
    assert_shape(&selection, "selection_response");
    let path = format!("/qrs/selection/{}", selection["id"].as_str().unwrap());
    assert_eq!(qrs.json(&format!("{path}/user/full")).await, Value::Array(vec![user]));
    assert_eq!(qrs.json(&format!("{path}/user/count")).await["value"], 1);
    let delete = || qrs.request(Method::DELETE, &path).send();
    assert_eq!(delete().await.unwrap().status(), 204);
    assert_eq!(delete().await.unwrap().status(), 404);

    let by_filter = format!("/qrs/selection/user?filter={}", escaped("inactive eq true"));
    let answer = qrs.request(Method::POST, &by_filter).send().await.unwrap();
    let selection: Value = answer.json().await.unwrap();
    assert_eq!(selection["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn seats_are_given_and_taken() {
    let mut scenario = states();
    scenario.license = LicenseVariant::lef(When::in_days(100));
    scenario.pools.professional.total = 6;
    let site = start(scenario).await;
    let qrs = Qrs::new(&site);
    let seat = |user: &str| {
        let seat = site.control().seat_of(SeatKind::Professional, "CORP", user);
        seat.map(|seat| format!("{PROFESSIONAL}/{}", seat.id))
    };
    let delete = async |path: &str| {
        let answer = qrs.request(Method::DELETE, path).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let done = (204, String::new());

    // Used within seven days: it stays, in quarantine, and who did it is known.
    let recent = seat("user11").unwrap();
    assert_eq!(delete(&recent).await, done);
    let row = qrs.json(&recent).await;
    assert_eq!(row["quarantined"], true);
    assert_eq!(row["quarantineEnd"], "2026-01-17T08:00:00.000Z");
    assert_eq!(row["modifiedByUserName"], "INTERNAL\\sa_api");
    // Never used: it is gone.
    let unused = seat("user12").unwrap();
    assert_eq!(delete(&unused).await, done);
    assert_eq!(qrs.text(&unused).await.0, 404);
    assert_eq!(delete(&unused).await.0, 404);

    // Quarantine is lifted by PUT, unless the row changed meanwhile.
    let put = async |body: &Value| {
        let answer = qrs.request(Method::PUT, &recent).json(body).send().await.unwrap();
        answer.status().as_u16()
    };
    let mut stale = row.clone();
    stale["quarantined"] = false.into();
    stale["modifiedDate"] = "2026-01-01T00:00:00.000Z".into();
    assert_eq!(put(&stale).await, 409);
    stale["modifiedDate"] = row["modifiedDate"].clone();
    assert_eq!(put(&stale).await, 200);
    assert_eq!(qrs.json(&recent).await["quarantined"], false);

    // A new one, until none is free.
    let post = async |user: &str| {
        let users = site.control().users();
        let id = users.iter().find(|u| u.user_id == user).map(|u| u.id.to_string());
        let body = serde_json::json!({ "user": { "id": id.unwrap_or_default() } });
        let answer = qrs.request(Method::POST, PROFESSIONAL).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = post("user12").await;
    assert_eq!(status, 201);
    let row: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(row["user"]["userId"], "user12");
    assert_eq!(row["lastUsed"], "1753-01-01T00:00:00.000Z");
    assert_eq!(post("user12").await.0, 400);
    assert_eq!(post("nobody").await.0, 400);
    assert_eq!(post("boss").await.0, 201);
    let (status, text) = post("sa_api").await;
    assert_eq!(status, 400);
    assert!(text.starts_with("Broken rules"), "{text}");
}

#[tokio::test]
async fn a_user_may_log_in_between_two_requests() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let user = "corp\\USER15".to_owned();
    site.control().update_user("CORP", "user15", |user| user.inactive = false);
    let seat = site.control().seats(SeatKind::Professional).pop().unwrap();
    site.control().remove_seat(&seat.id.to_string());
    let spec = SeatSpec::of(SeatKind::Professional, "CORP\\user15", When::days_ago(40));
    let path = format!("{PROFESSIONAL}/{}", site.control().add_seat(&spec));
    let login = FaultRule::on(PROFESSIONAL, Fault::UserLogsIn { user }).skip(1).times(1);
    site.control().set_fault(login);
    assert_eq!(qrs.json(&path).await["lastUsed"], "2025-12-01T08:00:00.000Z");
    let row = qrs.json(&path).await;
    assert_eq!(row["lastUsed"], "2026-01-10T08:00:00.000Z");
    assert_eq!(row["modifiedDate"], "2026-01-10T08:00:00.016Z");
    assert_eq!(row["modifiedByUserName"], "CORP\\user15");
}

#[tokio::test]
async fn root_admins_may_act_and_others_may_not() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    for (user, expected) in [("boss", 200), ("user11", 403)] {
        let answer = qrs
            .http
            .get(qrs.url("/qrs/about"))
            .header("X-Qlik-Xrfkey", KEY)
            .header("X-Qlik-User", format!("UserDirectory=corp;UserId={user}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), expected, "{user}");
    }
}

#[tokio::test]
async fn the_license_monitor_app_has_a_task_and_a_script_log() {
    let mut scenario = states();
    scenario.license_monitor.copies = 2;
    scenario.license_monitor.early_not_found = 2;
    let site = start(scenario).await;
    let qrs = Qrs::new(&site);
    let filter = escaped("name eq 'License Monitor' and stream.name eq 'Monitoring apps'");
    let apps = qrs.json(&format!("/qrs/app/full?filter={filter}")).await;
    assert_shape(&apps, "app_full_license_monitor");
    assert_eq!(qrs.json("/qrs/app/count").await["value"], 2);
    let app = apps[0]["id"].as_str().unwrap();
    let tasks = qrs.json(&format!("/qrs/reloadtask/full?filter=app.id%20eq%20{app}")).await;
    assert_shape(&tasks, "reloadtask_full_license_monitor");
    let task = tasks[0]["id"].as_str().unwrap();
    let result = &tasks[0]["operational"]["lastExecutionResult"];
    assert_eq!(result["stopTime"], apps[0]["lastReloadTime"]);
    let history = qrs.json(&format!("/qrs/executionresult/full?filter=taskID%20eq%20{task}")).await;
    let (fields, expected) = (history[0].as_object(), sample("executionresult_schema_fields"));
    let names: Vec<&String> = fields.unwrap().keys().collect();
    let expected_names: Vec<&String> = expected.as_object().unwrap().keys().collect();
    assert_eq!(names, expected_names);

    let text = |name: &str| result[name].as_str().unwrap();
    let old =
        format!("/qrs/ReloadTask/{task}/scriptlog?fileReferenceId={}", text("fileReferenceID"));
    let new = format!("/qrs/reloadtask/{task}/scriptlogfile?executionResultId={}", text("id"));
    assert_shape(&qrs.json(&old).await, "reloadtask_scriptlog_reference");
    let reference = qrs.json(&new).await["value"].as_str().unwrap().to_owned();
    let download = format!("/qrs/download/reloadtask/{reference}/scriptlog.txt");
    assert_eq!(qrs.text(&download).await.0, 404);
    assert_eq!(qrs.text(&download).await.0, 404);
    assert!(qrs.text(&download).await.1.contains("Execution finished.\r\n"));

    site.control().update_license_monitor(|app| {
        app.script_log = ScriptLogApi::New;
        app.status = 8;
    });
    assert_eq!(qrs.text(&old).await.0, 404);
    assert_eq!(qrs.text(&new).await.0, 200);
    assert!(qrs.text(&download).await.1.contains("Execution Failed"));
    assert_shape(&qrs.json("/qrs/reloadtask/full").await, "reloadtask_full_failed.constructed");
    site.control().update_license_monitor(|app| app.status = 0);
    let never_ran = qrs.json("/qrs/reloadtask/full").await;
    assert_shape(&never_ran, "reloadtask_full_never_run.constructed");
    assert_eq!(never_ran[0]["operational"]["nextExecution"], "1753-01-01T00:00:00.000Z");
    let enums = qrs.json("/qrs/about/api/enums").await;
    assert_eq!(enums["StatusEnum"]["values"][7], "7: FinishedSuccess");
}

#[tokio::test]
async fn answers_can_be_spoilt_in_every_way() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let list = "/qrs/user/full";
    let whole = qrs.json(list).await;
    let whole_rows = whole.as_array().unwrap();
    let spoilt = async |fault: Fault| {
        site.control().set_fault(FaultRule::on(list, fault).times(1));
        let answer = qrs.request(Method::GET, list).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), kind, answer.text().await.unwrap())
    };
    let (status, kind, text) = spoilt(Fault::HtmlOk).await;
    assert_eq!(status, 200);
    assert!(kind.starts_with("text/html") && text.contains("<html>"), "{kind} {text}");
    for (fault, body) in [(Fault::EmptyOk, ""), (Fault::Null, "null"), (Fault::EmptyObject, "{}")] {
        let (status, kind, text) = spoilt(fault).await;
        assert_eq!((status, text.as_str()), (200, body));
        assert!(kind.starts_with("application/json"));
    }
    let wrapped: Value = serde_json::from_str(&spoilt(Fault::ObjectForList).await.2).unwrap();
    assert_eq!(wrapped["value"], whole);
    let short: Value = serde_json::from_str(&spoilt(Fault::ShortList { drop: 3 }).await.2).unwrap();
    assert_eq!(short.as_array().unwrap()[..], whole_rows[..whole_rows.len() - 3]);
    let broken = spoilt(Fault::BrokenJson).await.2;
    assert!(whole.to_string().starts_with(&broken) && broken.len() > 100);
    assert_eq!(spoilt(Fault::Unauthorized).await.0, 401);
    assert_eq!(spoilt(Fault::Forbidden).await.2, FORBIDDEN_TEXT);
    assert_eq!(spoilt(Fault::Xsrf).await.2, XSRF_TEXT);
    let (status, _, text) =
        spoilt(Fault::Status { code: 502, html: true, retry_after_seconds: None }).await;
    assert!(status == 502 && text.contains("502 Bad Gateway"), "{status} {text}");
    let (status, _, text) = spoilt(Fault::SlowDrip { bytes: 1000, millis: 0 }).await;
    assert_eq!((status, text), (200, whole.to_string()));
    assert_eq!(site.control().connections(), 1, "none of these costs the connection");
    assert_eq!(qrs.json(list).await, whole);
}

#[tokio::test]
async fn connections_can_break_at_every_point() {
    let site = start(states()).await;
    let seat = site.control().seats(SeatKind::Professional)[1].id.to_string();
    let path = format!("{PROFESSIONAL}/{seat}");
    let exists =
        || site.control().seats(SeatKind::Professional).iter().any(|s| s.id.to_string() == seat);
    let broken = async |method: Method, fault: Fault| {
        // A new client each time: a pooled connection would be tried again by itself.
        let qrs = Qrs::new(&site);
        site.control().set_fault(FaultRule::from(fault).times(1));
        let answer = qrs.request(method, &path).send().await;
        let text = match answer {
            Ok(answer) => answer.text().await,
            Err(error) => Err(error),
        };
        text.is_err()
    };
    assert!(broken(Method::GET, Fault::Truncate).await);
    assert!(broken(Method::DELETE, Fault::ResetBefore).await);
    assert!(exists(), "the request had no effect");
    assert!(broken(Method::DELETE, Fault::ResetHandled).await);
    assert!(!exists(), "the request had an effect, though no answer came");
    assert!(!broken(Method::GET, Fault::ResetAfter).await, "the answer came");

    let qrs = Qrs::new(&site);
    let before = site.control().connections();
    site.control().set_fault(FaultRule::from(Fault::ResetAfter).times(1));
    qrs.json("/qrs/about").await;
    until(|| site.control().open_connections() == 0).await;
    qrs.json("/qrs/about").await;
    assert_eq!(site.control().connections(), before + 2, "keep-alive was over");

    site.control().set_fault(FaultRule::from(Fault::Hang).times(1));
    let never = qrs.request(Method::GET, "/qrs/about").timeout(Duration::from_millis(50)).send();
    assert!(never.await.unwrap_err().is_timeout());
    assert_eq!(site.control().requests().last().unwrap().status, None);

    site.control().set_fault(Fault::Latency { millis: 30 });
    let begin = std::time::Instant::now();
    qrs.json("/qrs/about").await;
    assert!(begin.elapsed() >= Duration::from_millis(30));
    site.control().clear_faults();
}

#[tokio::test]
async fn the_date_header_follows_the_sites_clock() {
    let mut scenario = states();
    scenario.clock.skew_seconds = 90;
    let site = start(scenario).await;
    let qrs = Qrs::new(&site);
    let date = async || {
        let answer = qrs.request(Method::GET, "/qrs/about").send().await.unwrap();
        answer.headers()["date"].to_str().unwrap().to_owned()
    };
    assert_eq!(date().await, "Sat, 10 Jan 2026 08:01:30 GMT");
    site.control().set_fault(Fault::ClockSkew { seconds: -600 });
    assert_eq!(date().await, "Sat, 10 Jan 2026 07:51:30 GMT");
    site.control().clear_faults();
    site.control().set_time("2027-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(date().await, "Fri, 01 Jan 2027 00:00:00 GMT");
    site.control().advance(chrono::TimeDelta::hours(2));
    assert_eq!(date().await, "Fri, 01 Jan 2027 02:00:00 GMT");
}

#[tokio::test]
async fn long_lists_may_be_cut_while_the_count_is_true() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    site.control().update_quirks(|quirks| quirks.full_cap = Some(3));
    for path in [
        PROFESSIONAL.to_owned(),
        format!("{PROFESSIONAL}/full"),
        format!("{PROFESSIONAL}/full?orderby=lastUsed"),
    ] {
        assert_eq!(qrs.json(&path).await.as_array().unwrap().len(), 3, "{path}");
    }
    assert_eq!(qrs.json(&format!("{PROFESSIONAL}/count")).await["value"], 5);
}

#[tokio::test]
async fn old_servers_lack_fields() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let list = format!("{PROFESSIONAL}/full");
    assert!(qrs.json(&list).await[3].get("user").unwrap().is_null());
    site.control().update_pools(|pools| pools.with_excess = false);
    site.control().update_quirks(|quirks| {
        quirks.with_deleted_user_fields = false;
        quirks.deleted_user = DeletedUser::Missing;
    });
    let row = qrs.json(&list).await[3].clone();
    for field in ["user", "excess", "deletedUserId", "deletedUserDirectory"] {
        assert!(row.get(field).is_none(), "{field} is in {row}");
    }
    assert!(
        qrs.json("/qrs/license/accesstypeoverview").await["analyzerAccess"].get("excess").is_none()
    );
}

#[tokio::test]
async fn a_changed_seat_shows_in_a_list_that_was_read_before() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let list = format!("{PROFESSIONAL}/full");
    let before = qrs.json(&list).await;
    assert_eq!(qrs.json(&list).await, before);
    site.control().set_time("2026-01-10T09:00:00Z".parse().unwrap());
    assert!(site.control().log_in("CORP", "user12"));
    assert_eq!(qrs.json(&list).await[1]["lastUsed"], "2026-01-10T09:00:00.000Z");
    site.control().update_user("CORP", "user12", |user| user.name = "New".to_owned());
    assert_eq!(qrs.json(&list).await[1]["user"]["name"], "New");
}

#[tokio::test]
async fn a_site_may_know_tls_1_2_only() {
    let site = start(Scenario { tls12_only: true, ..states() }).await;
    Qrs::new(&site).json("/qrs/about").await;
    bursar::tls::install_provider();
    let pki = site.pki();
    let modern = reqwest::Client::builder()
        .tls_certs_only([Certificate::from_pem(pki.root_pem.as_bytes()).unwrap()])
        .identity(identity(&pki.client_pem, &pki.client_key_pem))
        .resolve(&pki.server_name, site.addr())
        .tls_version_min(reqwest::tls::Version::TLS_1_3)
        .no_proxy()
        .build()
        .unwrap();
    Qrs { site: &site, http: modern }.request(Method::GET, "/qrs/about").send().await.unwrap_err();
}

#[tokio::test]
async fn a_stopped_site_frees_its_port_and_can_come_back() {
    let site = start(states()).await;
    let addr = site.addr();
    let qrs = Qrs::new(&site);
    qrs.json("/qrs/about").await;
    site.control().set_fault(Fault::Hang);
    let http = qrs.http.clone();
    let url = qrs.url("/qrs/about");
    let hanging = tokio::spawn(http.get(url).header("X-Qlik-Xrfkey", KEY).send());
    until(|| site.control().request_count() == 2).await;
    drop(qrs);
    site.stop().await;
    hanging.await.unwrap().unwrap_err();
    let again = Running::start(states(), addr).await.unwrap();
    assert_eq!(again.addr(), addr);
    Qrs::new(&again).json("/qrs/about").await;
}

#[tokio::test]
async fn notifications_can_be_subscribed_to() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let body = sample("notification_subscribe_request");
    let request = qrs.request(Method::POST, "/qrs/notification?name=User");
    let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    assert_shape(&answer, "notification_subscribe_response");
    let path = format!("/qrs/notification?handle={}", answer["value"].as_str().unwrap());
    let answer = qrs.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn license_rules_and_groups_can_be_created() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let post = async |path: &str, body: Value| -> Value {
        let answer = qrs.request(Method::POST, path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    };
    let group = serde_json::json!({ "name": "Sample access group" });
    let group = post("/qrs/license/professionalaccessgroup", group).await;
    assert_shape(&group, "professionalaccessgroup_create_response");
    let rule = post("/qrs/systemrule", sample("license_rule_systemrule_request")).await;
    let listed =
        qrs.json("/qrs/systemrule/full?filter=name%20eq%20'Sample%20license%20rule'").await;
    assert_eq!(listed[0], rule);
}

#[tokio::test]
async fn sessions_of_analyzer_capacity_are_listed() {
    let site = start(Scenario::demo()).await;
    let qrs = Qrs::new(&site);
    site.control().advance(chrono::TimeDelta::days(3));
    let rows = qrs.json("/qrs/license/analyzertimeaccessusage/full").await;
    assert_shape(&rows, "analyzertimeaccessusage_full.schema_example");
    let node = qrs.json("/qrs/servernodeconfiguration/local").await;
    assert_eq!(node["isCentral"], true);
}

#[tokio::test]
async fn polls_of_the_demo_differ_from_each_other() {
    let site = start(Scenario::demo()).await;
    let qrs = Qrs::new(&site);
    site.control().set_speed(0.0);
    let first = qrs.json("/qrs/license/accesstypeoverview").await;
    site.control().advance(chrono::TimeDelta::hours(2));
    let second = qrs.json("/qrs/license/accesstypeoverview").await;
    assert_ne!(first, second);
    for overview in [first, second] {
        for pool in ["professionalAccess", "analyzerAccess"] {
            let figure = |name: &str| overview[pool][name].as_i64().unwrap();
            assert!(figure("allocated") > 0 && figure("available") > 0, "{overview}");
            assert!(
                figure("allocated") + figure("quarantined") + figure("available")
                    == figure("total")
            );
        }
    }
}

#[test]
fn every_example_scenario_can_be_simulated() {
    let folder = format!("{}/config/scenarios", env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let scenario = Scenario::from_yaml(&text);
        let scenario = scenario.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if path.file_stem().unwrap() == "demo" {
            assert_eq!(format!("{scenario:?}"), format!("{:?}", Scenario::demo()));
        }
        seen += 1;
    }
    assert!(seen >= 5, "{seen} scenarios");
}

#[tokio::test]
async fn a_request_may_take_effect_and_never_be_answered() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let seats = site.control().seats(SeatKind::Professional);
    let path = format!("{PROFESSIONAL}/{}", seats[1].id);
    site.control().set_fault(FaultRule::on(&path, Fault::HangHandled).method("DELETE"));
    let answer =
        qrs.request(Method::DELETE, &path).timeout(Duration::from_millis(200)).send().await;
    assert!(answer.unwrap_err().is_timeout());
    assert_eq!(site.control().seats(SeatKind::Professional).len(), seats.len() - 1);
    assert_eq!(qrs.text(&path).await.0, 404);
}

#[tokio::test]
async fn one_seat_may_answer_otherwise_than_the_others() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let seats = site.control().seats(SeatKind::Professional);
    let path = |n: usize| format!("{PROFESSIONAL}/{}", seats[n].id);
    for (n, code) in [(0, 403), (1, 404), (2, 409), (3, 500)] {
        let fault = Fault::Status { code, html: false, retry_after_seconds: None };
        site.control().set_fault(FaultRule::on(&path(n), fault).method("delete"));
    }
    let mut statuses = Vec::new();
    for n in 0..5 {
        let answer = qrs.request(Method::DELETE, &path(n)).send().await.unwrap();
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses, [403, 404, 409, 500, 204]);
    assert_eq!(
        site.control().seats(SeatKind::Professional).len(),
        4,
        "only the last has an effect"
    );
    assert_eq!(qrs.text(&path(0)).await.0, 200, "reading it is another matter");
}

#[tokio::test]
async fn rows_may_be_hidden_strange_or_incomplete() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let all = qrs.json("/qrs/user/full").await;
    let all = all.as_array().unwrap();
    let (first, id) = (&all[0], all[0]["id"].as_str().unwrap());
    let single = format!("/qrs/user/{id}");
    let set = |fault: Fault| site.control().set_fault(FaultRule::on("/qrs/user", fault));

    set(Fault::HiddenRows { drop: 2 });
    assert_eq!(qrs.json("/qrs/user/full").await.as_array().unwrap()[..], all[..all.len() - 2]);
    assert_eq!(qrs.json("/qrs/user/count").await["value"], all.len() - 2);
    assert_eq!(qrs.json(&single).await, *first);
    site.control().clear_faults();

    set(Fault::AnotherUser { user: "corp\\USER13".into() });
    let listed = qrs.json("/qrs/user/full").await;
    assert_eq!(listed.as_array().unwrap().len(), all.len() + 1);
    assert_eq!(qrs.json(&single).await["userId"], "user13");
    assert_eq!(qrs.json("/qrs/user/count").await["value"], all.len());
    site.control().clear_faults();

    set(Fault::Field { name: "tags".into(), value: Value::Null });
    set(Fault::FieldMissing { name: "inactive".into() });
    for row in qrs
        .json("/qrs/user/full")
        .await
        .as_array()
        .unwrap()
        .iter()
        .chain([&qrs.json(&single).await])
    {
        assert!(row["tags"].is_null() && row.get("tags").is_some(), "{row}");
        assert!(row.get("inactive").is_none() && row["blacklisted"].is_boolean(), "{row}");
    }
}

#[tokio::test]
async fn rows_named_by_id_are_the_same_as_rows_that_were_looked_for() {
    let site = start(states()).await;
    let qrs = Qrs::new(&site);
    let full = async |list: &str, filter: &str| {
        qrs.json(&format!("{list}/full?filter={}", escaped(filter))).await
    };
    let users = qrs.json("/qrs/user/full").await;
    let id = |n: usize| users[n]["id"].as_str().unwrap();
    let (one, two) = (id(12), id(3));
    let named = format!(
        "id eq {one} or ID eq {} or id eq {one} or id eq {}",
        two.to_uppercase(),
        uuid::Uuid::nil()
    );
    let found = full("/qrs/user", &named).await;
    // The second half makes it a filter that has to be tried on each row.
    assert_eq!(found, full("/qrs/user", &format!("{named} or userId eq 'no'")).await);
    assert_eq!(found.as_array().unwrap().len(), 2);
    assert_eq!(found[0]["id"], two, "in the order of the list");
    let count = qrs.json(&format!("/qrs/user/count?filter={}", escaped(&named))).await;
    assert_eq!(count["value"], 2);
    let ne = full("/qrs/user", &format!("id ne {one}")).await;
    assert_eq!(ne.as_array().unwrap().len(), users.as_array().unwrap().len() - 1);

    let seats = qrs.json(&format!("{PROFESSIONAL}/full")).await;
    let holder = seats[0]["user"]["id"].as_str().unwrap();
    for filter in
        [format!("user.id eq {holder}"), format!("id eq {}", seats[0]["id"].as_str().unwrap())]
    {
        assert_eq!(full(PROFESSIONAL, &filter).await, Value::Array(vec![seats[0].clone()]));
        let tried = full(PROFESSIONAL, &format!("{filter} and excess eq false")).await;
        assert_eq!(tried, Value::Array(vec![seats[0].clone()]));
    }
    let analyzers = full("/qrs/license/analyzeraccesstype", &format!("user.id eq {holder}")).await;
    assert_eq!(analyzers.as_array().unwrap().len(), 1, "of this kind only");
}
