//! `seatMonitor`: when it is on, and what is said about it.

use bursar::config::Loaded;
use bursar::event::{Channel, UserTag};
use bursar::monitor::settings::{Pace, SeatMonitor};

use super::{environment, load, warnings, working};

/// A file with these lines below `qlikSenseLicense`.
fn with(licenses: &str) -> String {
    let mut text = working("");
    for line in licenses.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

fn loaded(licenses: &str) -> Loaded {
    load(&with(licenses), &environment()).unwrap_or_else(|e| panic!("{e}\n{licenses}"))
}

fn monitor(licenses: &str) -> Option<SeatMonitor> {
    loaded(licenses).settings.sites.remove(0).seats
}

#[test]
fn it_is_on_beside_the_other_monitor_or_releases_unless_somebody_says_no() {
    for (licenses, on) in [
        ("", false),
        ("licenseMonitor: {enable: true}", true),
        ("licenseRelease: {enable: true}", true),
        ("licenseMonitor: {enable: true}\nseatMonitor: {enable: false}", false),
        ("licenseMonitor: {enable: true}\nseatMonitor: {enable: null}", true),
        ("seatMonitor: {enable: true}", true),
        ("seatMonitor: {frequency: every 2 hours}", false),
    ] {
        assert_eq!(monitor(licenses).is_some(), on, "{licenses}");
    }
    let monitor = monitor("seatMonitor: {enable: true}").unwrap();
    assert_eq!((monitor.schedule.text(), monitor.pace), ("every 1 hour", Pace::BySize));
    assert_eq!((monitor.keep_changes_days, monitor.user_tag), (730, UserTag::Off));
    assert!(monitor.breakdown_by.is_empty() && !monitor.destination.of(Channel::InfluxDb).is_on());
}

#[test]
fn what_is_written_reaches_the_monitor() {
    let monitor = monitor(
        "seatMonitor:
  enable: true
  frequency: every 30 minutes
  breakdownBy: [department, ' Office ']
  keepChangesDays: 90
  destination:
    influxDb: {userTag: hash}",
    )
    .unwrap();
    assert_eq!((monitor.schedule.text(), monitor.pace), ("every 30 minutes", Pace::AsWritten));
    assert_eq!(monitor.breakdown_by, ["department", "Office"]);
    assert_eq!((monitor.keep_changes_days, monitor.user_tag), (90, UserTag::Hash));
}

#[test]
fn what_cannot_be_right_is_said() {
    let text = with(
        "seatMonitor:
  enable: true
  breakdownBy: [department, Department]
  destination:
    webhook: {enable: true, sendAlert: {enable: true}}",
    );
    let text = text + "  webhookNotification: {enable: true}\n";
    let said = warnings(&load(&text, &environment()).unwrap()).replace("conf/x.yaml:", "");
    insta::assert_snapshot!(said, @r#"
    19:33: warning: Butler.qlikSenseLicense.seatMonitor.breakdownBy[1]: "Department" is there already; keep one of them
    21:53: warning: Butler.qlikSenseLicense.seatMonitor.destination.webhook.sendAlert.enable: nothing is sent: Butler.webhookNotification.qlikSenseSeatMonitor has no webhooks; add one there, or set this to false
    22:33: warning: Butler.webhookNotification.enable: no webhook that Bursar calls is listed below; add one, or set this to false
    "#);
    let errors = load(
        &with(
            "seatMonitor: {enable: true, frequency: hourly, breakdownBy: [''], keepChangesDays: 0}",
        ),
        &environment(),
    )
    .unwrap_err();
    insta::assert_snapshot!(errors.to_string().replace("conf/x.yaml:", ""), @r#"
    17:44: Butler.qlikSenseLicense.seatMonitor.frequency: "hourly" is not a schedule: "hourly" stands where a word such as every, at, on, after, before, of, in, also or except is expected; write "every 1 hour"
    17:66: Butler.qlikSenseLicense.seatMonitor.breakdownBy[0]: this is missing; write the name of a custom property of users
    17:88: Butler.qlikSenseLicense.seatMonitor.keepChangesDays: 0 is not a number of days; write a number from 1 to 36500
    "#);
}
