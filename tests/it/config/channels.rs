//! Every kind of destination is wherever it has to be: the settings, the switches of each monitor,
//! the registry, the pages.

use bursar::config::json_schema;
use bursar::destination::registry;
use bursar::event::{Channel, SendSwitch};
use serde_json::Value;

use super::{environment, load, repository, working};

fn schema() -> Value {
    serde_json::from_str(&json_schema()).unwrap()
}

/// A definition of the schema that a property points at.
fn definition<'a>(schema: &'a Value, property: &Value) -> &'a Value {
    let reference = property["anyOf"][0]["$ref"].as_str().expect("it points at a definition");
    &schema["$defs"][reference.rsplit('/').next().unwrap()]
}

#[test]
fn each_has_a_section_that_can_be_switched_on() {
    let schema = schema();
    let butler = &schema["$defs"]["Butler"]["properties"];
    for channel in Channel::ALL {
        let section = definition(&schema, &butler[channel.section()]);
        assert_eq!(section["properties"]["enable"]["default"], false, "{channel}");
    }
}

#[test]
fn each_has_a_switch_at_every_monitor() {
    let schema = schema();
    for form in ["Destination", "SeatDestination", "ReleaseDestination", "AlertDestination"] {
        let switches = schema["$defs"][form]["properties"].as_object().expect("it is a section");
        let keys: Vec<_> = switches.keys().map(String::as_str).collect();
        assert_eq!(keys, Channel::ALL.map(Channel::key), "{form}");
        for (key, switch) in switches {
            let enable = &definition(&schema, switch)["properties"]["enable"];
            assert_eq!(enable["default"], false, "{form}.{key}");
        }
    }
}

#[test]
fn each_has_a_page_or_a_part_of_one() {
    let mut headings = Vec::new();
    for entry in std::fs::read_dir(repository().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "md") {
            let text = std::fs::read_to_string(path).unwrap();
            let titles = text.lines().filter_map(|line| line.strip_prefix('#'));
            headings.extend(titles.map(|title| title.trim_matches(['#', ' ']).to_lowercase()));
        }
    }
    for channel in Channel::ALL {
        let title = channel.title().to_lowercase();
        assert!(headings.contains(&title), "no page in docs has a heading \"{title}\"");
    }
}

/// From the file to the queue: the registry forgets none, and every switch is the one it says.
#[test]
fn each_is_set_up_and_switched_by_its_own_keys() {
    let sections = "
  influxDb: {enable: true, hostIP: db}
  mqttConfig: {enable: true, brokerHost: broker}
  webhookNotification: {enable: true, qlikSenseLicenseMonitor: {webhooks: [{webhookURL: 'http://a'}]}}
  email: {enable: true, host: mail, from: a@b.example, to: [c@d.example]}";
    for on in Channel::ALL {
        let what = if on == Channel::InfluxDb { "" } else { ", sendRecurring: {enable: true}" };
        let key = on.key();
        let text = working("")
            + &format!(
                "    licenseMonitor: {{enable: true, destination: {{{key}: {{enable: true{what}}}}}}}"
            )
            + sections;
        let loaded = load(&text, &environment()).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let queues = registry::queues(&loaded.settings.destinations);
        let mut set_up: Vec<_> = queues.iter().map(|queue| queue.channel).collect();
        set_up.sort_unstable();
        assert_eq!(set_up, Channel::ALL);
        let monitor = loaded.settings.sites[0].access_license.as_ref().unwrap();
        for channel in Channel::ALL {
            let sends = monitor.destination.of(channel);
            let expected = match channel {
                _ if channel != on => SendSwitch::OFF,
                Channel::InfluxDb => SendSwitch::ON,
                _ => SendSwitch { recurring: true, alert: false },
            };
            assert_eq!(sends, expected, "{channel} where {on} is on");
        }
    }
}
