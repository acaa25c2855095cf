//! `qlikSenseLicense.licenseMonitorApp`: Qlik's License Monitor app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::switches::raw::Destination;

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LicenseMonitorApp {
    /// Watch whether the app is reloaded. The user in `X-Qlik-User` needs the right to read apps,
    /// reload tasks and execution results.
    pub(crate) enable: bool,
    /// When to look, beside once at start. The app is reloaded every hour by default: looking every
    /// 30 minutes shows a failure within half an hour, for four small requests each.
    pub(crate) frequency: String,
    /// Name of the app. Of several, the one in the stream of the monitoring apps is taken.
    pub(crate) app_name: String,
    /// Id of the app, where its name is not enough.
    #[schemars(example = &"7c2f0a4e-3a5b-4f0e-9a63-0c5b1d2e3f40")]
    pub(crate) app_id: String,
    /// Name of the task that reloads it. Only needed where several tasks do, and to find an app that
    /// was renamed.
    pub(crate) task_name: String,
    /// Data older than so many hours are stale. Default 24: a day without a reload is no accident of
    /// one run.
    #[schemars(range(min = 1, max = 8760), extend("x-noun" = "a number of hours"))]
    pub(crate) stale_hours: i64,
    /// A reload that is under way for more minutes is worth a look. Default 120: minutes are usual,
    /// an hour happens on large sites.
    #[schemars(range(min = 1, max = 10_080), extend("x-noun" = "a number of minutes"))]
    pub(crate) running_long_minutes: i64,
    /// Days for which the runs are kept in the store.
    #[schemars(range(min = 1, max = 36_500), extend("x-noun" = "a number of days"))]
    pub(crate) keep_runs_days: i64,
    /// Where the data goes. `sendAlert` has no effect here: what is wrong with the app is told by
    /// the alert rules.
    pub(crate) destination: Destination,
}

impl Default for LicenseMonitorApp {
    fn default() -> Self {
        Self {
            enable: false,
            frequency: "every 30 minutes".to_owned(),
            app_name: "License Monitor".to_owned(),
            app_id: String::new(),
            task_name: "Reload License Monitor".to_owned(),
            stale_hours: 24,
            running_long_minutes: 120,
            keep_runs_days: 730,
            destination: Destination::default(),
        }
    }
}
