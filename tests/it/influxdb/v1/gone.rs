//! What is gone under a running daemon is prepared again, and what the settings say is where points go.

use super::*;

async fn policies(influxd: &Influxd, database: &str) -> Vec<(String, bool)> {
    let rows = influxd.rows("", &format!("SHOW RETENTION POLICIES ON {database}")).await;
    let row = |row: &serde_json::Value| {
        (row["name"].as_str().unwrap().to_owned(), row["default"].as_bool().unwrap())
    };
    rows.iter().map(row).collect()
}

async fn count_in(influxd: &Influxd, database: &str, policy: &str) -> i64 {
    let from = format!("\"{database}\".\"{policy}\".qlik_sense_server_license");
    let statement = format!("SELECT COUNT(license_expired) AS n FROM {from}");
    let rows = influxd.rows(database, &statement).await;
    rows.first().map_or(0, |row| row["n"].as_i64().unwrap())
}

/// Case "retention policy dropped under a running daemon".
#[tokio::test]
async fn retention_policy_dropped_under_a_running_daemon() {
    let influxd = influxd::shared().await;
    let influxdb = build(&v1(influxd.url(), "dropped"));
    let event = server_license(time(), Some(1));
    assert_eq!(influxdb.deliver(std::slice::from_ref(&event)).await, [Outcome::Done]);
    influxd.query("", "DROP RETENTION POLICY \"10 d\" ON dropped").await;
    // What `check` says before anything is mended.
    let failure = influxdb.probe().await.unwrap_err();
    assert!(failure.fix.contains("influxDb.v1Config.retentionPolicy"), "{failure:?}");
    assert_eq!(influxdb.deliver(std::slice::from_ref(&event)).await, [Outcome::Done]);
    assert_eq!(policies(influxd, "dropped").await, [("10 d".into(), true)]);
    assert_eq!(count(influxd, "dropped").await, 1);

    // In a database with data of others, where it is not the default.
    influxd.query("", "CREATE DATABASE dropped_too").await;
    write(influxd, "dropped_too", "other v=1").await;
    let influxdb = build(&v1(influxd.url(), "dropped_too"));
    for _ in 0..2 {
        assert_eq!(influxdb.deliver(std::slice::from_ref(&event)).await, [Outcome::Done]);
        assert_eq!(count_in(influxd, "dropped_too", "10 d").await, 1);
        influxd.query("", "DROP RETENTION POLICY \"10 d\" ON dropped_too").await;
    }
    // The whole database.
    influxd.query("", "DROP DATABASE dropped_too").await;
    assert_eq!(influxdb.deliver(&[event]).await, [Outcome::Done]);
    assert_eq!(policies(influxd, "dropped_too").await, [("10 d".into(), true)]);
}

/// A user without admin rights can't make it again: that is said with what to do, and waited for.
#[tokio::test]
async fn a_dropped_policy_that_cant_be_made_again_is_told() {
    let influxd = influxd::shared().await;
    influxd.query("", "CREATE DATABASE bereft").await;
    influxd.query("", "CREATE USER bereft WITH PASSWORD 'w'").await;
    influxd.query("", "GRANT ALL ON bereft TO bereft").await;
    influxd.query("", "DROP RETENTION POLICY autogen ON bereft").await;
    let influxdb = build(&as_user(v1(influxd.url(), "bereft"), "bereft"));
    let outcomes = influxdb.deliver(&[server_license(time(), None)]).await;
    let [Outcome::Retry { why, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(why.contains("retention policy"), "{why}");
    influxd
        .query("", "CREATE RETENTION POLICY \"10 d\" ON bereft DURATION 520w REPLICATION 1 DEFAULT")
        .await;
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
}

fn as_user(mut settings: settings::InfluxDb, user: &str) -> settings::InfluxDb {
    if let InfluxVersion::V1 { auth, .. } = &mut settings.version {
        *auth = Some(BasicAuth { username: user.into(), password: Secret::new("w") });
    }
    settings
}

/// When all is there, no right beyond those on the database is needed: read and write, or write alone.
#[tokio::test]
async fn a_1_x_user_without_admin_rights_works_when_everything_exists() {
    let influxd = influxd::shared().await;
    for (user, rights, with_data) in
        [("allowed", "ALL", false), ("allowed_too", "ALL", true), ("writing", "WRITE", true)]
    {
        influxd.query("", &format!("CREATE DATABASE {user}")).await;
        influxd.query("", &format!("CREATE USER {user} WITH PASSWORD 'w'")).await;
        influxd.query("", &format!("GRANT {rights} ON {user} TO {user}")).await;
        if with_data {
            write(influxd, user, "other v=1").await;
        }
        let policy =
            format!("CREATE RETENTION POLICY \"10 d\" ON {user} DURATION 520w REPLICATION 1");
        influxd.query("", &policy).await;
        let influxdb = build(&as_user(v1(influxd.url(), user), user));
        let probe = influxdb.probe().await.unwrap();
        assert!(probe.found.contains("test write accepted"), "{probe:?}");
        assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
        // Who may look finds the policy and names it; who may not writes to the default one.
        let (policy, other) =
            if rights == "ALL" { ("10 d", "autogen") } else { ("autogen", "10 d") };
        assert_eq!(count_in(influxd, user, policy).await, 1, "{user}");
        assert_eq!(count_in(influxd, user, other).await, 0, "{user}");
    }
}
