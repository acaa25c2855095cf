//! Names of Butler's sections that Bursar doesn't have: accepted, never read. Those inside of a
//! section that Bursar has, too, stand beside its raw struct.

/// Sections of Butler's directly under `Butler`.
pub(super) const BUTLERS: &[&str] = &[
    "anonTelemetry",
    "systemInfo",
    "configVisualisation",
    "thirdPartyToolsCredentials",
    "scriptLog",
    "qlikSenseUrls",
    "genericUrls",
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
