//! `influxDb`.

use std::time::Duration;

use url::Url;

use super::raw;
use super::settings::{InfluxDb, InfluxVersion, RetentionPolicy};
use crate::destination::settings::BasicAuth;
use crate::destination::switches::validate::tags;
use crate::secret::Secret;
use crate::settings::{At, Check, SecretText};

pub(crate) fn settings(check: &Check<'_>, at: &At<'_>) -> Option<InfluxDb> {
    let raw: raw::InfluxDb = at.read();
    let tags = tags(check, &at.at("tag.static"), &raw.tag.fixed);
    if !raw.enable {
        return None;
    }
    let host = check.host(&at.get("hostIP"), &raw.host_ip, "hostPort");
    let scheme = if raw.use_ssl { "https" } else { "http" };
    let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let url = Url::parse(&format!("{scheme}://{shown}:{}", raw.host_port));
    if raw.use_ssl && !raw.reject_unauthorized {
        check.warn(
            &at.get("rejectUnauthorized"),
            "the server's certificate is not verified: anybody in between can read the token",
            "set it to true, and certCA to the server's certificate authority",
        );
    }
    if !raw.use_ssl && !raw.cert_ca.trim().is_empty() {
        check.warn(
            &at.get("certCA"),
            "it is not used: useSSL is off",
            "set useSSL: true, or remove it",
        );
    }
    let mut timeout = check.seconds(raw.timeout_seconds);
    let version = match raw.version {
        1 => Some(v1(check, &at.get("v1Config"), raw.v1_config)),
        2 => v2(check, &at.get("v2Config"), raw.v2_config),
        _ => {
            if let Some(ms) = raw.v3_config.write_timeout {
                timeout = Duration::from_millis(ms.unsigned_abs());
            }
            Some(v3(check, &at.get("v3Config"), raw.v3_config))
        }
    };
    Some(InfluxDb {
        url: url.ok()?,
        ca_cert: check.optional_path(&raw.cert_ca).filter(|_| raw.use_ssl),
        reject_unauthorized: raw.reject_unauthorized,
        version: version?,
        tags,
        timeout,
    })
}

fn v1(check: &Check<'_>, at: &At<'_>, raw: raw::V1Config) -> InfluxVersion {
    let auth = raw.auth.enable.then(|| BasicAuth {
        username: check.required(
            &at.at("auth.username"),
            &raw.auth.username,
            "write the user's name, or set auth.enable: false",
        ),
        password: raw.auth.password.secret().unwrap_or_else(|| Secret::new("")),
    });
    let policy = raw.retention_policy;
    let retention_policy = (!policy.name.trim().is_empty()).then(|| {
        let duration =
            if policy.duration.trim().is_empty() { "INF" } else { policy.duration.trim() };
        retention(check, &at.at("retentionPolicy.duration"), duration);
        RetentionPolicy { name: policy.name.trim().to_owned(), duration: duration.to_owned() }
    });
    let database = check.required(&at.get("dbName"), &raw.db_name, "write the database's name");
    InfluxVersion::V1 { auth, database, retention_policy }
}

fn v2(check: &Check<'_>, at: &At<'_>, raw: raw::V2Config) -> Option<InfluxVersion> {
    let retention = retention(check, &at.get("retentionDuration"), &raw.retention_duration);
    Some(InfluxVersion::V2 {
        org: check.required(&at.get("org"), &raw.org, "write the organization's name"),
        bucket: check.required(&at.get("bucket"), &raw.bucket, "write the bucket's name"),
        description: raw.description,
        token: token(check, &at.get("token"), &raw.token)?,
        retention: retention?,
    })
}

fn v3(check: &Check<'_>, at: &At<'_>, raw: raw::V3Config) -> InfluxVersion {
    InfluxVersion::V3 {
        database: check.required(&at.get("database"), &raw.database, "write the database's name"),
        // A server started with --without-auth takes none.
        token: raw.token.secret().unwrap_or_else(|| Secret::new("")),
    }
}

fn token(check: &Check<'_>, at: &At<'_>, text: &SecretText) -> Option<Secret> {
    check.required(at, &text.0, "write the token, best as ${env:INFLUXDB_TOKEN}");
    text.secret()
}

/// Zero is for ever; InfluxDB keeps data for an hour at least.
fn retention(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Duration> {
    let duration = influx_duration(text);
    let hour = Duration::from_secs(3_600);
    if duration.is_none_or(|d| !d.is_zero() && d < hour) {
        let what = match duration {
            None => format!("\"{text}\" is not a duration"),
            Some(_) => format!("\"{text}\" is less than an hour, which InfluxDB refuses"),
        };
        check.error(at, what, "write a number and h, d or w, such as 10d, or INF");
    }
    duration
}

/// A duration as InfluxDB writes it: `90m`, `10d`, `1w2d`. `INF` and `0` are no end.
fn influx_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty()
        || text.eq_ignore_ascii_case("inf")
        || text.trim_end_matches(['s', 'h']) == "0"
    {
        return Some(Duration::ZERO);
    }
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let size = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(size)?)?;
        rest = &rest[digits + 1..];
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_influxdb() {
        let days = |d: u64| Some(Duration::from_secs(d * 86_400));
        assert_eq!(influx_duration("10d"), days(10));
        assert_eq!(influx_duration("1w2d"), days(9));
        assert_eq!(influx_duration("24h0m0s"), days(1));
        assert_eq!(influx_duration("INF"), days(0));
        assert_eq!(influx_duration(""), days(0));
        for bad in ["10", "d", "10y", "-1d", "1.5d", "99999999999999999999w"] {
            assert_eq!(influx_duration(bad), None, "{bad}");
        }
    }
}
