//! From InfluxDB 1.x, the real one.

use bursar::destination::influxdb::settings::InfluxVersion;
use bursar::destination::settings::BasicAuth;
use bursar::event::{Body, Event};
use bursar::license::Pools;
use bursar::license::pools::SeatPool;
use bursar::secret::Secret;
use serde_json::Value;

use super::*;
use crate::support::influxd::{self, ADMIN, Influxd, PASSWORD};
use crate::support::process::bursar;

fn v1(database: &str) -> InfluxVersion {
    InfluxVersion::V1 {
        auth: Some(BasicAuth { username: ADMIN.into(), password: Secret::new(PASSWORD) }),
        database: database.into(),
        retention_policy: None,
    }
}

async fn write(influxd: &Influxd, database: &str, policy: &str, lines: &[String]) {
    for part in lines.chunks(5000) {
        let mut url = influxd.url().join("/write").unwrap();
        url.query_pairs_mut().extend_pairs([("db", database), ("rp", policy), ("precision", "ms")]);
        let request = reqwest::Client::new().post(url).basic_auth(ADMIN, Some(PASSWORD));
        let answer = request.body(part.join("\n")).send().await.unwrap();
        let status = answer.status();
        assert_eq!(status, 204, "{}", answer.text().await.unwrap());
    }
}

async fn database(influxd: &Influxd, name: &str, lines: &[String]) {
    influxd.query("", &format!("CREATE DATABASE {name}")).await;
    write(influxd, name, "", lines).await;
}

#[tokio::test]
async fn the_history_that_butler_wrote_is_taken_over_once() {
    let influxd = influxd::shared().await;
    // Two and a half years, all three kinds, every half hour lately and every six hours before.
    let mut lines = Vec::new();
    let times: Vec<_> = every(360, "2024-05-01T10:00:00Z", "2026-08-01T10:00:00Z")
        .chain(every(30, "2026-08-01T10:00:00Z", "2026-11-24T11:59:00Z"))
        .collect();
    for (n, at) in times.iter().enumerate() {
        let allocated = (n % 50) as f64;
        lines.push(seats("professional", ",butler_instance=prod", *at, allocated));
        lines.push(seats("analyzer", ",butler_instance=prod", *at, allocated + 0.5));
        lines.push(format!(
            "qlik_sense_license,license_type=analyzer_capacity,butler_instance=prod \
             allocated_minutes=6000,unavailable_minutes=0,used_minutes={n} {}",
            at.timestamp_millis()
        ));
    }
    database(influxd, "import_all", &lines).await;
    let target = Target::new(settings(influxd.url(), v1("import_all"), &[])).await;

    let dry = target.import(Order { dry_run: true, ..everything() }).await.unwrap();
    assert_eq!(target.dump(), Vec::<String>::new());
    let summary = target.import(everything()).await.unwrap();
    let figures = times.len() * 15;
    assert_eq!(
        told(&summary),
        format!(
            "default: 15 figures, {figures} new, 0 known, 2024-05-01T10:00 to 2026-11-24T11:00\n"
        )
    );
    assert_eq!(told(&dry), told(&summary));

    // Each day is what a plain computation over the points gives.
    let zone = chrono_tz::Europe::Stockholm;
    let mut expected = std::collections::BTreeMap::<_, Vec<f64>>::new();
    for (n, at) in times.iter().enumerate() {
        expected.entry(at.with_timezone(&zone).date_naive()).or_default().push((n % 50) as f64);
    }
    let daily = target.daily("default", "professional", "allocated").await;
    assert_eq!(daily.len(), expected.len());
    for (day, (date, values)) in daily.iter().zip(expected) {
        assert_eq!(day.start.with_timezone(&zone).date_naive(), date);
        assert_eq!((day.samples, day.last), (values.len() as u64, *values.last().unwrap()));
        assert_eq!(day.max, values.iter().copied().fold(0.0, f64::max));
        assert_eq!(day.min, values.iter().copied().fold(1000.0, f64::min));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((day.mean - mean).abs() < 1e-9, "{date}");
    }
    // Single polls of the last 90 days, hours of two years.
    let count = async |resolution| {
        let (from, to) = (DateTime::UNIX_EPOCH, time(NOW));
        let query = target.store.history("default", "analyzer", "used", resolution, from, to);
        query.await.unwrap()
    };
    let raw = count(Resolution::Raw).await;
    assert_eq!(raw[0].start, time("2026-08-25T22:00:00Z"));
    assert_eq!(raw.len(), times.iter().filter(|at| **at >= raw[0].start).count());
    assert_eq!(count(Resolution::Hour).await[0].start, time("2024-11-24T04:00:00Z"));

    // Again: nothing new, nothing changed.
    let before = target.dump();
    let again = target.import(everything()).await.unwrap();
    assert_eq!(
        told(&again),
        format!(
            "default: 15 figures, 0 new, {figures} known, 2024-05-01T10:00 to 2026-11-24T11:00\n"
        )
    );
    assert_eq!(target.dump(), before);

    // Two more points, and one day of another year only.
    let at = time("2026-11-24T11:45:00Z");
    let more = [seats("analyzer", ",butler_instance=prod", at, 3.0)];
    write(influxd, "import_all", "", &more).await;
    let day = |text: &str| Some(text.parse().unwrap());
    let part = Order { from: day("2026-11-24"), ..everything() };
    assert_eq!(target.import(part).await.unwrap().sites[0].new, 6);
    let part = Order { from: day("2025-01-01"), to: day("2025-01-01"), ..everything() };
    let part = target.import(part).await.unwrap();
    assert_eq!((part.sites[0].new, part.sites[0].known), (0, 4 * 15));
}

#[tokio::test]
async fn what_bursar_recorded_itself_is_left_alone() {
    let influxd = influxd::shared().await;
    let times: Vec<_> = every(10, "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z").collect();
    let lines: Vec<_> = times.iter().map(|at| seats("professional", "", *at, 10.0)).collect();
    database(influxd, "import_own", &lines).await;
    let target = Target::new(settings(influxd.url(), v1("import_own"), &[])).await;
    let pool = SeatPool {
        enabled: true,
        total: 100.0,
        allocated: 77.0,
        available: 23.0,
        used: 0.0,
        quarantined: 0.0,
        excess: 0.0,
    };
    let pools = Pools { professional: Some(pool), ..Pools::default() };
    let own = Event::new("default", times[70], Body::AccessLicenseStatus(pools));
    target.store.record(vec![(own, vec![])]).await.unwrap();
    let summary = target.import(everything()).await.unwrap();
    assert_eq!(
        told(&summary),
        "default: 6 figures, 2556 new, 0 known, 2026-11-20T00:00 to 2026-11-22T23:50\n\
         skipped 36: in an hour that Bursar recorded itself\n"
    );
    let hour = times[70] - TimeDelta::minutes(40);
    let (from, to) = (hour, hour + TimeDelta::hours(1));
    for resolution in [Resolution::Raw, Resolution::Hour] {
        let query =
            target.store.history("default", "professional", "allocated", resolution, from, to);
        let found = query.await.unwrap();
        assert_eq!((found.len(), found[0].last, found[0].samples), (1, 77.0, 1), "{resolution:?}");
    }
    let before = target.dump();
    assert_eq!(target.import(everything()).await.unwrap().sites[0].new, 0);
    assert_eq!(target.dump(), before);
}

#[tokio::test]
async fn text_in_a_numeric_field_is_skipped_and_told() {
    let influxd = influxd::shared().await;
    // A week with text, which is a shard of its own, between others with numbers: InfluxDB answers
    // with the numbers alone as soon as there are any.
    let mut lines = Vec::new();
    for at in every(360, "2026-10-01T00:00:00Z", "2026-11-20T00:00:00Z") {
        let line = seats("professional", ",host=a", at, 10.0);
        let text = (time("2026-10-12T00:00:00Z")..time("2026-10-19T00:00:00Z")).contains(&at);
        lines.push(if text { line.replace("used=7", "used=\"n/a\"") } else { line });
    }
    // A kind that nobody knows, and a field that no one has.
    let at = time("2026-11-01T00:00:00Z");
    lines.push(seats("wizard", "", at, 1.0));
    lines.push(format!(
        "qlik_sense_license,license_type=analyzer allocated=1,mood=3,used_minutes=2 {}",
        at.timestamp_millis()
    ));
    database(influxd, "import_text", &lines).await;
    let target = Target::new(settings(influxd.url(), v1("import_text"), &[])).await;
    for (new, known) in [(1173, 0), (0, 1173)] {
        let summary = target.import(everything()).await.unwrap();
        assert_eq!(
            told(&summary),
            format!(
                "default: 7 figures, {new} new, {known} known, 2026-10-01T00:00 to 2026-11-19T18:00\n\
                 skipped 6: license_type \"wizard\" is not known\n\
                 skipped 28: used of professional is text and no number\n\
                 skipped 1: used_minutes is no figure of analyzer\n"
            )
        );
    }
    // Missing is missing.
    let used = target.daily("default", "professional", "used").await;
    let allocated = target.daily("default", "professional", "allocated").await;
    assert_eq!((allocated.len(), used.len()), (50, 43));
}

#[tokio::test]
async fn whole_numbers_of_other_writers_are_numbers_too() {
    let influxd = influxd::shared().await;
    let line = |at: &str, value: &str| {
        let at = time(at).timestamp_millis();
        format!("qlik_sense_license,license_type=token_user used_tokens={value} {at}")
    };
    let lines = [
        line("2026-11-01T00:00:00Z", "12i"),
        line("2026-11-08T00:00:00Z", "12.5"),
        line("2026-11-15T00:00:00Z", "13i"),
    ];
    database(influxd, "import_whole", &lines).await;
    let target = Target::new(settings(influxd.url(), v1("import_whole"), &[])).await;
    let summary = target.import(everything()).await.unwrap();
    assert_eq!(summary.skipped.len(), 0, "{:?}", summary.skipped);
    let found = target.daily("default", "token_user", "used_tokens").await;
    assert_eq!(found.iter().map(|day| day.last).collect::<Vec<_>>(), [12.0, 12.5, 13.0]);
}

#[tokio::test]
async fn points_count_for_the_site_that_they_or_a_person_name() {
    let influxd = influxd::shared().await;
    let mut lines = Vec::new();
    for at in every(360, "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z") {
        lines.push(seats("professional", ",butler_instance=one", at, 1.0));
        lines.push(seats("professional", ",butler_instance=two", at, 2.0));
        lines.push(seats("professional", ",site=bergen", at, 3.0));
        lines.push(seats("professional", ",site=elsewhere", at, 4.0));
    }
    database(influxd, "import_sites", &lines).await;
    let new_target = async || {
        let target = settings(influxd.url(), v1("import_sites"), &["oslo", "bergen"]);
        Target::new(target).await
    };
    let target = new_target().await;
    let refusal = async |order: Order| target.import(order).await.unwrap_err().to_string();
    insta::assert_snapshot!(refusal(everything()).await, @"the points (butler_instance=one) don't say of which site they are; say it: --site NAME, one of bergen, oslo");
    insta::assert_snapshot!(refusal(select(Some("oslo"), &[])).await, @"several programs wrote at the same time, with the tags (butler_instance=one) and (butler_instance=two), and all would count for the site oslo; if they watch different sites, import each by itself: --tag NAME=VALUE --site NAME; if they watch the same one, name the tags of all: --tag NAME=VALUE --tag NAME=VALUE");
    insta::assert_snapshot!(refusal(select(Some("roma"), &[])).await, @"there is no site roma in the settings; there is: oslo, bergen");
    assert_eq!(target.dump(), Vec::<String>::new());

    let summary = target.import(select(Some("oslo"), &[("butler_instance", "one")])).await.unwrap();
    insta::assert_snapshot!(told(&summary), @r"
    oslo: 6 figures, 48 new, 0 known, 2026-11-01T00:00 to 2026-11-02T18:00
    skipped 144: not selected by --tag
    ");
    let summary = target.import(select(None, &[("site", "bergen")])).await.unwrap();
    insta::assert_snapshot!(told(&summary), @r"
    bergen: 6 figures, 48 new, 0 known, 2026-11-01T00:00 to 2026-11-02T18:00
    skipped 144: not selected by --tag
    ");
    let summary = target.import(select(Some("bergen"), &[("site", "elsewhere")])).await.unwrap();
    insta::assert_snapshot!(told(&summary), @r"
    bergen: 6 figures, 16 new, 32 known, 2026-11-01T00:00 to 2026-11-02T18:00
    skipped 144: not selected by --tag
    ");
    let last = async |target: &Target, site| target.daily(site, "professional", "allocated").await;
    assert_eq!(last(&target, "oslo").await[0].max, 1.0);
    assert_eq!(last(&target, "bergen").await[0].max, 4.0);

    // Both at the same time, because a person says so; and the tag site means the site.
    let target = new_target().await;
    let both = [("butler_instance", "one"), ("butler_instance", "two")];
    target.import(select(Some("oslo"), &both)).await.unwrap();
    let found = &last(&target, "oslo").await[0];
    assert!(found.max <= 2.0 && found.samples >= 3, "{found:?}");
}

#[tokio::test]
async fn writers_after_each_other_are_one_history() {
    let influxd = influxd::shared().await;
    let times = every(60, "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z");
    let host = |n: usize| if n < 20 { ",host=old" } else { ",host=new,env=prod" };
    let lines: Vec<_> =
        times.enumerate().map(|(n, at)| seats("professional", host(n), at, 1.0)).collect();
    database(influxd, "import_hosts", &lines).await;
    let target = Target::new(settings(influxd.url(), v1("import_hosts"), &[])).await;
    assert_eq!(target.import(everything()).await.unwrap().sites[0].new, 48 * 6);
}

#[tokio::test]
async fn another_retention_policy_is_read_when_it_is_named() {
    let influxd = influxd::shared().await;
    database(influxd, "import_policy", &[]).await;
    influxd
        .query(
            "",
            "CREATE RETENTION POLICY \"ten years\" ON import_policy DURATION 520w REPLICATION 1",
        )
        .await;
    let lines = [seats("professional", "", time("2026-11-01T00:00:00Z"), 1.0)];
    write(influxd, "import_policy", "ten years", &lines).await;
    let target = Target::new(settings(influxd.url(), v1("import_policy"), &[])).await;
    let why = target.import(everything()).await.unwrap_err().to_string();
    assert!(why.contains("no points of qlik_sense_license"), "{why}");
    assert!(why.contains("--retention-policy"), "{why}");
    let named = |name: &str| Order { retention_policy: Some(name.into()), ..everything() };
    assert_eq!(target.import(named("ten years")).await.unwrap().sites[0].new, 6);
    let why = target.import(named("none")).await.unwrap_err().to_string();
    assert!(why.contains("check --retention-policy"), "{why}");
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_what_to_do() {
    let influxd = influxd::shared().await;
    database(influxd, "import_errors", &[]).await;
    let refusal = async |url: url::Url, version: InfluxVersion, order: Order| {
        let target = Target::new(settings(url, version, &[])).await;
        target.import(order).await.unwrap_err().to_string()
    };
    let port = influxd.port.to_string();
    let url = influxd.url();
    let shown = |text: String| text.replace(&port, "PORT");
    let wrong = InfluxVersion::V1 {
        auth: Some(BasicAuth { username: ADMIN.into(), password: Secret::new("wrong") }),
        database: "import_errors".into(),
        retention_policy: None,
    };
    insta::assert_snapshot!(shown(refusal(url.clone(), wrong, everything()).await), @"a query for the database import_errors: answered 401 Unauthorized: the credentials are missing or wrong: authorization failed; check influxDb.v1Config.auth (enable, username, password), and that it may read the database import_errors");
    insta::assert_snapshot!(shown(refusal(url.clone(), v1("nowhere"), everything()).await), @"a query for the database nowhere was refused: database not found: nowhere; check influxDb.v1Config.dbName");
    insta::assert_snapshot!(shown(refusal(url.clone(), v1("import_errors"), everything()).await), @"InfluxDB 1.x at http://127.0.0.1:PORT: the database import_errors has no points of qlik_sense_license, at least not in its default retention policy; if they are in another one: --retention-policy NAME");
    let nobody = "http://127.0.0.1:1".parse().unwrap();
    let why = refusal(nobody, v1("x"), everything()).await;
    assert!(why.contains("cannot connect to http://127.0.0.1:1"), "{why}");

    let at = time("2026-11-01T00:00:00Z");
    write(influxd, "import_errors", "", &[seats("analyzer", "", at, 1.0)]).await;
    let other_days = Order { to: "2026-10-01".parse().ok(), ..everything() };
    insta::assert_snapshot!(refusal(url.clone(), v1("import_errors"), other_days).await, @"there are no points in the days that were asked for; there are from 2026-11-01 to 2026-11-01");
    // A user who may not read.
    influxd.query("", "CREATE USER import_writer WITH PASSWORD 'writes'").await;
    influxd.query("", "GRANT WRITE ON import_errors TO import_writer").await;
    let writer = InfluxVersion::V1 {
        auth: Some(BasicAuth { username: "import_writer".into(), password: Secret::new("writes") }),
        database: "import_errors".into(),
        retention_policy: None,
    };
    insta::assert_snapshot!(refusal(url, writer, everything()).await, @"a query for the database import_errors: answered 403 Forbidden: the credentials are right but don't allow this: error authorizing query: import_writer not authorized to execute statement 'SELECT allocated::float AS allocated, allocated_minutes::float AS allocated_minutes, allocated_tokens::float AS allocated_tokens, available::float AS available, ava...; check influxDb.v1Config.auth (enable, username, password), and that it may read the database import_errors");
}

#[tokio::test]
async fn the_command_imports_and_says_what_it_did() {
    let influxd = influxd::shared().await;
    let now = Utc::now();
    let times: Vec<_> = (1..=10).map(|hours| now - TimeDelta::hours(hours)).collect();
    let lines: Vec<_> = times.iter().map(|at| seats("professional", "", *at, 9.0)).collect();
    database(influxd, "import_command", &lines).await;
    let folder = tempfile::tempdir().unwrap();
    let pki = bursar::simulator::Pki::shared().write_to(folder.path()).unwrap();
    let [cert, key, root] = [&pki.client_cert, &pki.client_key, &pki.root].map(|p| p.display());
    let yaml = format!(
        "\
Butler:
  configQRS:
    host: qlik.example.com
    headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_repository}}]}}
  cert: {{clientCert: '{cert}', clientCertKey: '{key}', clientCertCA: '{root}'}}
  qlikSenseLicense: {{licenseMonitor: {{enable: true}}}}
  influxDb:
    enable: true
    hostIP: 127.0.0.1
    hostPort: {}
    v1Config:
      auth: {{enable: true, username: {ADMIN}, password: '${{env:INFLUX}}'}}
      dbName: import_command
",
        influxd.port
    );
    std::fs::write(folder.path().join("bursar.yaml"), &yaml).unwrap();
    let import = |more: &[&str]| {
        let args = [&["import", "influxdb", "-c", "bursar.yaml"], more].concat();
        let mut command = bursar(&args);
        let output = command.env("INFLUX", PASSWORD).current_dir(folder.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();

    let (code, out, err) = import(&["--dry-run", "--json"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(
        (json(&out)["sites"][0]["new"].clone(), json(&out)["dryRun"].clone()),
        (60.into(), true.into())
    );
    assert!(!folder.path().join("bursar.db").exists(), "a dry run makes no file");
    let (code, out, err) = import(&[]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("InfluxDB 1.x at http://127.0.0.1:"), "{out}");
    let row = out.lines().find(|line| line.starts_with("default")).unwrap();
    assert!(row.ends_with(" 60   0"), "{out}");
    let (_, out, _) = import(&["--json"]);
    assert_eq!(
        (json(&out)["sites"][0]["new"].clone(), json(&out)["sites"][0]["known"].clone()),
        (0.into(), 60.into())
    );

    let (code, _, err) = import(&["--site", "oslo"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("there is no site oslo"), "{err}");
    let (code, _, err) = import(&["--tag", "host"]);
    assert!(code == Some(2) && err.contains("NAME=VALUE"), "{err}");
    std::fs::write(
        folder.path().join("off.yaml"),
        yaml.replace("enable: true\n    hostIP", "enable: false\n    hostIP"),
    )
    .unwrap();
    let mut off = bursar(&["import", "influxdb", "-c", "off.yaml"]);
    let off = off.env("INFLUX", PASSWORD).current_dir(folder.path()).output().unwrap();
    let err = String::from_utf8(off.stderr).unwrap();
    assert!(off.status.code() == Some(2) && err.contains("influxDb.enable is off"), "{err}");
}
