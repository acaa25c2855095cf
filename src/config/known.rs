//! Names of Butler's settings that Bursar doesn't have: accepted, never read.

/// Sections of Butler's directly under `Butler`.
const SECTIONS: &[&str] = &[
    "anonTelemetry",
    "systemInfo",
    "configVisualisation",
    "heartbeat",
    "dockerHealthCheck",
    "uptimeMonitor",
    "thirdPartyToolsCredentials",
    "scriptLog",
    "qlikSenseUrls",
    "genericUrls",
    "qlikSenseVersion",
    "teamsNotification",
    "slackNotification",
    "emailNotification",
    "incidentTool",
    "scheduler",
    "keyValueStore",
    "udpServerConfig",
    "restServerConfig",
    "fileCopyApprovedDirectories",
    "fileMoveApprovedDirectories",
    "fileDeleteApprovedDirectories",
    "restServerApiDocGenerate",
    "restServerEndpointsEnable",
    "restServerEndpointsConfig",
    "startTaskFilter",
    "serviceMonitor",
    "qlikSenseCloud",
    "configEngine",
    "configDirectories",
];

const INFLUXDB: &[&str] = &[
    "reloadTaskFailure",
    "reloadTaskSuccess",
    "userSyncTaskSuccess",
    "userSyncTaskFailure",
    "externalProgramTaskSuccess",
    "externalProgramTaskFailure",
    "distributeTaskSuccess",
    "distributeTaskFailure",
    "preloadTaskSuccess",
    "preloadTaskFailure",
];

const MQTT: &[&str] = &[
    "taskFailureSendFull",
    "taskAbortedSendFull",
    "subscriptionRootTopic",
    "taskStartTopic",
    "taskFailureTopic",
    "taskFailureFullTopic",
    "taskFailureServerStatusTopic",
    "taskAbortedTopic",
    "taskAbortedFullTopic",
    "serviceRunningTopic",
    "serviceStoppedTopic",
    "serviceStatusTopic",
    "qlikSenseCloud",
];

const WEBHOOKS: &[&str] = &["reloadTaskFailure", "reloadTaskAborted", "serviceMonitor"];

/// Butler's names inside a section that Bursar has too, by the name of its raw struct.
pub(super) fn butlers(section: &str) -> &'static [&'static str] {
    match section {
        "Butler" => SECTIONS,
        "InfluxDb" => INFLUXDB,
        "MqttConfig" => MQTT,
        "WebhookNotification" => WEBHOOKS,
        _ => &[],
    }
}
