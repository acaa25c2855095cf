//! From the switches of a monitor to those that hold: off where the destination is.

use super::raw::{Destinations, FIGURES, FiguresSwitch, Form, NameValue};
use crate::destination::registry::Configured;
use crate::destination::webhook::kinds;
use crate::destination::webhook::settings::WebhookPurpose;
use crate::destination::webhook::validate::listed;
use crate::event::{Channel, Switches, Tag};
use crate::settings::{At, Check};

/// Which destinations are set up.
pub(crate) struct Available {
    channels: Vec<Channel>,
    /// The lists that have webhooks.
    webhooks: Vec<WebhookPurpose>,
}

impl Available {
    /// By the sections below `butler`. With a mistake in it there is no destination, but it is not
    /// off.
    pub(crate) fn new(butler: &At<'_>, configured: &Configured) -> Self {
        let is_on = |channel: &Channel| {
            let enable = butler.get(channel.section()).get("enable");
            enable.broken || enable.read::<bool>()
        };
        let lists = butler.get(Channel::Webhook.section());
        let off_or_on = lists.get("enable").broken;
        let waits = |purpose: &WebhookPurpose| {
            let queues = configured.waiting.iter().map(|waiting| &waiting.queue);
            let mut webhooks = queues.filter(|queue| queue.channel == Channel::Webhook);
            webhooks.any(|queue| queue.kinds == kinds(*purpose))
        };
        let unknown = WebhookPurpose::ALL.into_iter().filter(|purpose| {
            off_or_on || lists.get(purpose.section()).is_uncertain() || waits(purpose)
        });
        let listed = configured.webhooks.iter().map(|webhook| webhook.purpose);
        Self {
            channels: Channel::ALL.into_iter().filter(is_on).collect(),
            webhooks: listed.chain(unknown).collect(),
        }
    }

    /// Whether a kind of destination is on.
    pub(crate) fn has(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }
}

/// The switches of a monitor. `purposes` are the lists of webhooks for its recurring data and for
/// its alerts.
pub(crate) fn switches<F: Form>(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &Destinations<F>,
    available: &Available,
    purposes: (WebhookPurpose, Option<WebhookPurpose>),
) -> Switches {
    say_what_is_off(check, at, raw, available);
    let switches = usable(check, at, raw, available);
    let webhook = switches.of(Channel::Webhook);
    let at = at.get(Channel::Webhook.key());
    if webhook.recurring {
        say_if_empty(check, &at.at("sendRecurring.enable"), purposes.0, available);
    }
    if let (true, Some(alert)) = (webhook.alert, purposes.1) {
        say_if_empty(check, &at.at("sendAlert.enable"), alert, available);
    }
    switches
}

/// The same with one list of webhooks for everything.
pub(crate) fn switches_for_one_list<F: Form>(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &Destinations<F>,
    available: &Available,
    purpose: WebhookPurpose,
) -> Switches {
    say_what_is_off(check, at, raw, available);
    let switches = usable(check, at, raw, available);
    if switches.of(Channel::Webhook).is_on() {
        let at = at.get(Channel::Webhook.key()).get("enable");
        say_if_empty(check, &at, purpose, available);
    }
    switches
}

/// The switches, off where the destination is, without a word about that.
pub(crate) fn usable<F: Form>(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &Destinations<F>,
    available: &Available,
) -> Switches {
    let tags_at = at.get(FIGURES.key()).at("tag.static");
    let mut switches = Switches::tagged(tags(check, &tags_at, raw.figures.tags()));
    for channel in Channel::ALL.into_iter().filter(|channel| available.has(*channel)) {
        switches.set(channel, raw.sends(channel));
    }
    switches
}

/// Says which switches have no effect because the destination is off.
fn say_what_is_off<F: Form>(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &Destinations<F>,
    available: &Available,
) {
    let in_vain = |channel: &Channel| raw.is_on(*channel) && !available.has(*channel);
    for channel in Channel::ALL.into_iter().filter(in_vain) {
        let section = channel.section();
        check.warn(
            &at.get(channel.key()).get("enable"),
            format!("nothing is sent: Butler.{section} is off"),
            format!("set Butler.{section}.enable: true, or this to false"),
        );
    }
    for channel in Channel::ALL.into_iter().filter(|channel| available.has(*channel)) {
        let switch = at.get(channel.key());
        let is_on = |key: &str| switch.get(key).get("enable").read::<bool>();
        if raw.is_on(channel) && !raw.sends(channel).is_on() {
            check.warn(
                &switch.get("enable"),
                "nothing is sent: sendRecurring.enable and sendAlert.enable are both off",
                "set one of them to true, or this to false",
            );
        } else if !raw.is_on(channel)
            && switch.get("enable").node.is_none()
            && (is_on("sendRecurring") || is_on("sendAlert"))
        {
            check.warn(
                &switch,
                "nothing is sent: enable is not written here, so it is off",
                "write enable: true beside the others, or remove them",
            );
        }
    }
}

fn say_if_empty(check: &Check<'_>, at: &At<'_>, purpose: WebhookPurpose, available: &Available) {
    listed(check, at, purpose, &available.webhooks);
}

/// Tags that can be used. What Butler would leave out or overwrite is a warning, so that its
/// files work.
pub(crate) fn tags(check: &Check<'_>, at: &At<'_>, tags: &[NameValue]) -> Vec<Tag> {
    let mut seen: Vec<Tag> = Vec::new();
    for (tag, at) in tags.iter().zip(at.items()) {
        let (name, value) = (tag.name.trim(), tag.value.trim());
        if name.is_empty() || value.is_empty() {
            let key = if name.is_empty() { "name" } else { "value" };
            let what = format!("the tag is left out: it has no {key}");
            check.warn(&at.get(key), what, "write one, or remove the entry");
        } else if seen.iter().any(|t| t.name == name) {
            let what = format!("the tag is left out: \"{name}\" is there already");
            check.warn(&at.get("name"), what, "keep one of them");
        } else if [name, value].iter().any(|t| t.contains(['\n', '\r']) || t.ends_with('\\')) {
            check.error(
                &at,
                "a tag can't hold a line break or end in a backslash",
                "write a plain text",
            );
        } else {
            seen.push(Tag { name: name.to_owned(), value: value.to_owned() });
        }
    }
    seen
}
