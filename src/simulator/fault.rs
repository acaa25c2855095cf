//! Things that go wrong on demand.

use schemars::JsonSchema;
use serde::Deserialize;

/// A fault and the requests it strikes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// Beginning of the path, such as `/qrs/license`. Case doesn't matter. Empty = every path.
    pub path: String,
    /// Only requests of this method. Absent = every method.
    pub method: Option<String>,
    /// Requests that match and are spared before the fault begins.
    pub skip: u32,
    /// How often it strikes before it is used up. Absent = for ever.
    pub times: Option<u32>,
    /// What goes wrong.
    pub fault: Fault,
}

impl Default for FaultRule {
    fn default() -> Self {
        let fault = Fault::Status { code: 500, html: true, retry_after_seconds: None };
        Self { path: String::new(), method: None, skip: 0, times: None, fault }
    }
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self { fault, ..Self::default() }
    }
}

impl FaultRule {
    /// The fault on every request whose path begins so.
    pub fn on(path: &str, fault: Fault) -> Self {
        Self { path: path.to_owned(), fault, ..Self::default() }
    }

    /// Only for requests of this method.
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// Only so many times.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Spares the first requests that match.
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    pub(super) fn matches(&self, method: &str, lower_path: &str) -> bool {
        let method_fits = self.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(method));
        method_fits && lower_path.starts_with(&self.path.to_lowercase())
    }
}

/// What goes wrong. Several rules may strike one request: delays add up, the first fault that
/// takes the answer's place wins, changes of the answer are made one after the other.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum Fault {
    /// The answer comes later.
    Latency { millis: u64 },
    /// The request is read and never answered.
    Hang,
    /// The request takes effect and is never answered.
    HangHandled,
    /// The connection is reset before the request has any effect.
    ResetBefore,
    /// The request takes effect, then the connection is reset in place of the answer.
    ResetHandled,
    /// The answer is sent, then the connection is reset: keep-alive fails.
    ResetAfter,
    /// The body ends half-way, with a `Content-Length` that promises all of it.
    Truncate,
    /// The body comes in pieces.
    SlowDrip { bytes: usize, millis: u64 },
    /// Another status, with a page for people or without any body.
    Status {
        code: u16,
        #[serde(default)]
        html: bool,
        /// Seconds in a `Retry-After` header.
        #[serde(default)]
        retry_after_seconds: Option<u32>,
    },
    /// The request takes effect, and this status is answered: by a proxy that has repeated it, or
    /// lost the answer.
    StatusHandled {
        code: u16,
        #[serde(default)]
        html: bool,
    },
    /// 401 with a page for people, as a proxy's.
    Unauthorized,
    /// 403 `Forbidden`: the acting user has no rights.
    Forbidden,
    /// 403 with the text of the XSRF check.
    Xsrf,
    /// 200 with a login page.
    HtmlOk,
    /// 200 with nothing.
    EmptyOk,
    /// 200 with `null`.
    #[serde(rename = "null-ok")]
    Null,
    /// 200 with `{}`.
    EmptyObject,
    /// A list is wrapped into an object, as `{"value": [...]}`.
    ObjectForList,
    /// 200 with text that begins like JSON and isn't.
    BrokenJson,
    /// A list lacks its last rows; `/count` still tells the truth.
    ShortList { drop: usize },
    /// A list lacks its last rows, and `/count` agrees: security rules hide them.
    HiddenRows { drop: usize },
    /// A list has its first row again in place of each of its last ones.
    RepeatedRow { times: usize },
    /// A single object is this user (`DIR\id`) instead; a list has this user at its end, too.
    AnotherUser { user: String },
    /// A single object, or each row of a list, has this in a field.
    Field { name: String, value: serde_json::Value },
    /// A single object, or each row of a list, lacks a field.
    FieldMissing { name: String },
    /// The `Date` header is off by this many seconds.
    ClockSkew { seconds: i64 },
    /// This user (`DIR\id`) logs in just before the request takes effect.
    UserLogsIn { user: String },
    /// Somebody else takes this seat away just before the request takes effect.
    SeatTaken { seat: String },
}
