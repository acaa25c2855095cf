//! Templates that come with the program, usable by name.

/// A shipped template.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    pub name: &'static str,
    pub text: &'static str,
    /// What it is for, for the reference.
    pub about: &'static str,
}

/// All of them.
pub const ALL: &[Shipped] = &[
    Shipped {
        name: "slack",
        text: include_str!("../../../config/templates/slack.hbs"),
        about: "Slack, incoming webhook: a header, the text, what to do, a line of context",
    },
    Shipped {
        name: "teams",
        text: include_str!("../../../config/templates/teams.hbs"),
        about: "Microsoft Teams, webhook of a workflow (\"Post to a channel when a webhook request is received\"): an adaptive card",
    },
    Shipped {
        name: "pagerduty",
        text: include_str!("../../../config/templates/pagerduty.hbs"),
        about: "PagerDuty Events API v2 (`https://events.pagerduty.com/v2/enqueue`). Needs the integration key as `values.routingKey`",
    },
    Shipped {
        name: "alertmanager",
        text: include_str!("../../../config/templates/alertmanager.hbs"),
        about: "Prometheus Alertmanager, `POST /api/v2/alerts`",
    },
];

/// A shipped template by its name.
pub fn named(name: &str) -> Option<&'static Shipped> {
    ALL.iter().find(|shipped| shipped.name == name)
}
