//! `licenseRelease`: what reaches the planner, and what is said about it.

use bursar::config::Loaded;
use bursar::destination::webhook::settings::WebhookPurpose;
use bursar::event::{Channel, SendSwitch, Tag, UserTag};
use bursar::license::SeatType;
use bursar::policy::{Limits, NeverRelease, Property, ThreeWay, TypeRule, UserPattern};
use bursar::release::settings::Release;

use super::{environment, load, read, warnings, working};

/// A file that works, with these lines below `licenseRelease` and further sections below `Butler`.
fn with_release(release: &str, more: &str) -> String {
    let mut text = working("");
    text.push_str("    licenseRelease:\n");
    for line in release.lines() {
        text.push_str(&format!("      {line}\n"));
    }
    text + more
}

fn loaded(text: &str) -> Loaded {
    load(text, &environment()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Warnings or errors, without the file's name.
fn said(text: &str) -> String {
    let all = match load(text, &environment()) {
        Ok(loaded) => warnings(&loaded),
        Err(problems) => format!("{problems}\n"),
    };
    all.replace("conf/x.yaml:", "").replace("Butler.qlikSenseLicense.licenseRelease", "..")
}

fn user(directory: &str, user_id: &str) -> UserPattern {
    UserPattern { directory: directory.into(), user_id: user_id.into(), ..UserPattern::default() }
}

fn property(name: &str, value: &str) -> Property {
    Property { name: name.into(), value: value.into() }
}

#[test]
fn without_a_word_nothing_is_released() {
    let release = &loaded(&working("")).settings.sites[0].release;
    assert!(!release.enable && release.dry_run);
    assert_eq!(release.policy.types, []);
    assert_eq!(release.policy.never_release, NeverRelease::default());
    assert_eq!(release.policy.limits, Limits::default());
    assert!(release.policy.judge_per_user);
    assert_eq!(release.concurrency, 2);
    assert_eq!(release.user_tag, UserTag::Name);
    assert_eq!(release.schedule.text(), "every 24 hours");
    assert!(!release.destination.of(Channel::InfluxDb).is_on());
    assert_eq!(release.destination.of(Channel::Mqtt), SendSwitch::OFF);
    assert_eq!(release.destination.of(Channel::Webhook), SendSwitch::OFF);
}

#[test]
fn an_enabled_type_has_the_defaults_of_the_rules() {
    let text = with_release(
        "licenseType: {user: {enable: true}, analyzer: {enable: true}, professional: {enable: true}}",
        "",
    );
    let release = &loaded(&text).settings.sites[0].release;
    assert_eq!(release.policy.types, SeatType::ALL.map(TypeRule::new));
}

#[test]
fn the_grace_for_unused_seats_follows_the_threshold() {
    let of = |rule: &str| {
        let text = with_release(&format!("licenseType: {{analyzer: {{{rule}}}}}"), "");
        let types = loaded(&text).settings.sites[0].release.policy.types.clone();
        (types[0].release_threshold_days, types[0].never_used_grace_days)
    };
    assert_eq!(of("enable: true, releaseThresholdDays: 90"), (90, 90));
    assert_eq!(of("enable: true, neverUsedGraceDays: 14"), (30, 14));
    assert_eq!(of("enable: true, neverUsedGraceDays:"), (30, 30));
}

#[test]
fn every_key_reaches_the_settings() {
    let text = with_release(
        "enable: true
dryRun: false
frequency: at 03:30 every weekday
neverRelease:
  user:
    - {userDir: CORP, userId: boss}
    - {userDir: CORP, userId: 'svc_*'}
  tag: [keep]
  customProperty:
    - {name: LicenseManage, value: do-not-release}
  userDirectory: ['ADMIN*']
  role: [RootAdmin, ContentAdmin]
  userGroup: [Board]
  inactive: yes
  blocked: No
  removedExternally: ignore
licenseType:
  professional:
    enable: true
    releaseThresholdDays: 45
    neverUsedGraceDays: 21
    keepFree: 5
    graceDays: 10
    maxReleases: 20
    maxReleasePercent: 5
    reallocatedGraceDays: 28
judgePerUser: false
staleSignalDays: 0
clockToleranceSeconds: 60
maxUnreadPercent: 0
maxUnsettled: 3
licenseKeyShared: true
stopAfterFailures: 1
concurrency: 8
destination:
  influxDb:
    enable: true
    tag: {static: [{name: env, value: prod}]}
    userTag: off
  mqtt: {enable: true, sendRecurring: {enable: true}}
  webhook: {enable: true, sendAlert: {enable: true}}",
        // graceDays is above 0, and the webhook hears of it: nothing to say.
        "  influxDb: {enable: true, hostIP: db, version: 1, v1Config: {dbName: qlik}}
  mqttConfig: {enable: true, brokerHost: mqtt, qlikSenseLicenseReleaseTopic: qlik/release}
  webhookNotification:
    enable: true
    qlikSenseLicenseRelease:
      rateLimit: 5
      webhooks:
        - {description: audit, webhookURL: 'https://audit.example.com/x', httpMethod: PUT}
",
    );
    let loaded = loaded(&text);
    assert_eq!(warnings(&loaded), "");
    let release = &loaded.settings.sites[0].release;
    assert!(release.enable && !release.dry_run);
    assert_eq!(release.schedule.text(), "at 03:30 every weekday");
    let policy = &release.policy;
    assert_eq!(
        policy.never_release,
        NeverRelease {
            users: vec![user("CORP", "boss"), user("CORP", "svc_*")],
            directories: vec!["ADMIN*".into()],
            tags: vec!["keep".into()],
            custom_properties: vec![property("LicenseManage", "do-not-release")],
            roles: vec!["RootAdmin".into(), "ContentAdmin".into()],
            groups: vec!["Board".into()],
            inactive: ThreeWay::Yes,
            blocked: ThreeWay::No,
            removed_externally: ThreeWay::Ignore,
        }
    );
    assert_eq!(
        policy.types,
        [TypeRule {
            seat_type: SeatType::Professional,
            release_threshold_days: 45,
            never_used_grace_days: 21,
            keep_free: Some(5),
            grace_days: 10,
            max_releases: Some(20),
            max_release_percent: 5,
            reallocated_grace_days: 28,
        }]
    );
    assert!(!policy.judge_per_user);
    assert_eq!(
        policy.limits,
        Limits {
            stale_signal_days: 0,
            clock_tolerance_seconds: 60,
            max_unread_percent: 0,
            max_unsettled: Some(3),
            license_key_shared: Some(true),
            stop_after_failures: 1,
        }
    );
    assert_eq!(release.concurrency, 8);
    assert_eq!(release.user_tag, UserTag::Off);
    let destination = &release.destination;
    assert!(destination.of(Channel::InfluxDb).is_on());
    assert_eq!(destination.influxdb_tags, [Tag { name: "env".into(), value: "prod".into() }]);
    assert_eq!(destination.of(Channel::Mqtt), SendSwitch { recurring: true, alert: false });
    assert_eq!(destination.of(Channel::Webhook), SendSwitch { recurring: false, alert: true });
    assert_eq!(loaded.settings.destinations.mqtt.as_ref().unwrap().topics.release, "qlik/release");
    let webhook = &loaded.settings.destinations.webhooks[0];
    assert_eq!(webhook.purpose, WebhookPurpose::Release);
    assert_eq!(webhook.rate_limit, std::time::Duration::from_secs(5));
}

#[test]
fn butlers_file_keeps_its_meaning() {
    let release = &read("tests/data/config/butler16-full.yaml").unwrap().settings.sites[0].release;
    assert!(!release.enable && release.dry_run);
    let never = &release.policy.never_release;
    assert_eq!(never.users, [user("LAB", "goran"), user("LAB", "goran")]);
    assert_eq!(never.tags, ["first of tag", "second of tag"]);
    assert_eq!(never.directories, ["first of userDirectory", "second of userDirectory"]);
    assert_eq!(
        never.custom_properties,
        [property("name of it", "value of it"), property("another", "value of it")]
    );
    assert_eq!(never.removed_externally, ThreeWay::Yes);
    let days: Vec<_> =
        release.policy.types.iter().map(|t| (t.seat_type, t.release_threshold_days)).collect();
    assert_eq!(days, [(SeatType::Professional, 30), (SeatType::Analyzer, 60)]);
    assert!(release.destination.of(Channel::InfluxDb).is_on());

    let release = &read("config/butler-shaped.yaml").unwrap().settings.sites[0].release;
    assert!(release.enable && release.dry_run);
    assert_eq!(release.policy.never_release.users.len(), 2);
}

#[test]
fn empty_lists_nulls_and_missing_sections_are_the_same() {
    let absent = loaded(&with_release("licenseType: {analyzer: {enable: true}}", ""));
    for never in [
        "neverRelease:",
        "neverRelease: {}",
        "neverRelease: {user: , tag: , customProperty: , userDirectory: , role: , userGroup: , inactive: , blocked: , removedExternally: }",
        "neverRelease: {user: [], tag: [], customProperty: [], userDirectory: [], role: [], userGroup: []}",
        "neverRelease: {user: [~], tag: [~], customProperty: [~], userDirectory: [~], role: [~], userGroup: [~]}",
    ] {
        let rest = "licenseType:\n  user:\n  professional: {}\n  analyzer: {enable: true, keepFree: , maxReleases: }\ndestination:\nlicenseKeyShared:\nfrequency:";
        let same = loaded(&with_release(&format!("{never}\n{rest}"), ""));
        assert_eq!(same.settings.sites, absent.settings.sites, "{never}");
        assert_eq!(warnings(&same), "");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let text = with_release(
        "enable: yes
dryrun: true
neverRelease:
  user:
    - {userDir: CORP}
    - {userDir: '', userId: anna}
    - {userDir: 'CORP\\anna', userId: anna}
    - {userDir: '*', userId: '**'}
  tag: ['', keep]
  customProperty: [{value: x}, {name: x}]
  userDirectory: [' ', '*']
  role: ['']
  userGroup: ['']
  group: [x]
  inactive: maybe
licenseType:
  analyzer:
    enable: true
    releaseThresholdDays: 0
    neverUsedGraceDays: 0
    keepFree: -1
    graceDays: -1
    maxReleases: 0
    maxReleasePercent: 0
  professional:
    enable: true
    releaseThresholdDays: 1
    neverUsedGraceDays: 6
    maxReleasePercent: 101
    maxReleasesPercent: 10
  token: {}
  user: {enable: false, releaseThresholdDays: 6}
judgePerUser: 1
staleSignalDays: -1
clockToleranceSeconds: 0
maxUnreadPercent: 101
maxUnsettled: -1
licenseKeyShared: maybe
stopAfterFailures: 0
concurrency: 9
destination:
  influxDb: {userTag: none}
  mqtt: {sendalert: {enable: true}}",
        "",
    );
    insta::assert_snapshot!(said(&text), @r#"
    18:15: ...enable: expected true or false, found "yes"; write true
    19:7: ...dryrun: this is not a setting; did you mean dryRun?
    22:13: ...neverRelease.user[0]: a user needs userDir and userId; write both, or remove the entry
    23:13: ...neverRelease.user[1]: a user needs userDir and userId; write both, or remove the entry
    24:23: warning: ...neverRelease.user[2].userDir: "CORP\anna" keeps nobody: a directory has no backslash; write the directory here and the id in userId
    25:13: warning: ...neverRelease.user[3]: this keeps everybody's seat: nothing is ever released; write a pattern that fits only those whom you mean
    26:15: ...neverRelease.tag[0]: an empty tag keeps nobody's seat; write its name, or remove the entry
    27:26: ...neverRelease.customProperty[0]: a custom property without a name keeps nobody's seat; write both name and value, or remove the entry
    27:38: ...neverRelease.customProperty[1]: a custom property without a value keeps nobody's seat; write both name and value, or remove the entry
    28:25: ...neverRelease.userDirectory[0]: an empty user directory keeps nobody's seat; write its name, or remove the entry
    28:30: warning: ...neverRelease.userDirectory[1]: this keeps everybody's seat: nothing is ever released; write a pattern that fits only those whom you mean
    29:16: ...neverRelease.role[0]: an empty role keeps nobody's seat; write its name, or remove the entry
    30:21: ...neverRelease.userGroup[0]: an empty group keeps nobody's seat; write its name, or remove the entry
    31:9: ...neverRelease.group: this is not a setting; nobody is protected by it; the known ones are in docs/configuration.md
    32:19: ...neverRelease.inactive: "maybe" is not one of the choices; write ignore, yes or no
    36:33: ...licenseType.analyzer.releaseThresholdDays: 0 is not a threshold; write a number from 1 to 36500
    37:31: ...licenseType.analyzer.neverUsedGraceDays: 0 is not a threshold; write a number from 1 to 36500
    38:21: ...licenseType.analyzer.keepFree: -1 is not a number of seats; write a number from 0 to 10000000
    39:22: ...licenseType.analyzer.graceDays: -1 is not a number of days; write a number from 0 to 3650
    40:24: ...licenseType.analyzer.maxReleases: 0 is not a number of seats; write a number from 1 to 10000000
    41:30: ...licenseType.analyzer.maxReleasePercent: 0 is not a share in percent; write a number from 1 to 100
    44:33: warning: ...licenseType.professional.releaseThresholdDays: 1 day is less than a week: people lose their seat over a holiday, and a seat used within 7 days may be blocked in quarantine instead of becoming free; write 7 or more
    45:31: warning: ...licenseType.professional.neverUsedGraceDays: 6 days is less than a week: people lose their seat before they could use it; write 7 or more
    46:30: ...licenseType.professional.maxReleasePercent: 101 is not a share in percent; write a number from 1 to 100
    47:11: ...licenseType.professional.maxReleasesPercent: this is not a setting; did you mean maxReleasePercent?
    48:9: ...licenseType.token: this is not a setting; remove it; the known ones are in docs/configuration.md
    50:21: ...judgePerUser: expected true or false, found 1; write true or false
    51:24: ...staleSignalDays: -1 is not a number of days; write a number from 0 to 3650
    52:30: ...clockToleranceSeconds: 0 is not a number of seconds; write a number from 1 to 86400
    53:25: ...maxUnreadPercent: 101 is not a share in percent; write a number from 0 to 100
    54:21: ...maxUnsettled: -1 is not a number of seats; write a number from 0 to 1000000
    55:25: ...licenseKeyShared: expected true or false, found "maybe"; write true or false
    56:26: ...stopAfterFailures: 0 is not a number of failures; write a number from 1 to 1000
    57:20: ...concurrency: 9 is not a number of seats at a time; write a number from 1 to 8
    59:29: ...destination.influxDb.userTag: "none" is not one of the choices; write name, hash or off
    60:16: ...destination.mqtt.sendalert: this is not a setting; did you mean sendAlert?
    "#);
}

#[test]
fn what_may_not_be_wanted_is_said_when_runs_are_switched_on() {
    let keep = "neverRelease: {role: [RootAdmin]}";
    let analyzer = "licenseType: {analyzer: {enable: true}}";
    let everywhere = "destination: {influxDb: {enable: true}, mqtt: {enable: true, sendAlert: {enable: true}}, webhook: {enable: true, sendRecurring: {enable: true}}}";
    let webhooks = "  webhookNotification: {enable: true, qlikSenseLicenseMonitor: {webhooks: [{webhookURL: 'https://a.example.com'}]}}\n";
    let mut text = String::new();
    for (release, more) in [
        // A rehearsal of something, with somebody protected: nothing to say.
        (format!("enable: true\n{keep}\n{analyzer}"), ""),
        (format!("enable: true\n{keep}"), ""),
        (format!("enable: true\n{analyzer}"), ""),
        (format!("enable: true\ndryRun: false\n{keep}\n{analyzer}"), ""),
        (format!("enable: true\ndryRun: false\nlicenseKeyShared: false\n{keep}\n{analyzer}"), ""),
        (format!("enable: true\n{keep}\n{analyzer}\n{everywhere}"), ""),
        (format!("enable: true\n{keep}\n{analyzer}\n{everywhere}"), webhooks),
        (
            format!(
                "enable: true\n{keep}\nlicenseType: {{analyzer: {{enable: true, graceDays: 7}}}}"
            ),
            "",
        ),
        // Off: none of it matters.
        (format!("enable: false\ndryRun: false\n{everywhere}"), ""),
    ] {
        text += &format!("{release}\n{}\n", said(&with_release(&release, more)));
    }
    insta::assert_snapshot!(text, @r"
    enable: true
    neverRelease: {role: [RootAdmin]}
    licenseType: {analyzer: {enable: true}}
    18:7: warning: ...dryRun: not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released; write dryRun: true, or false to release seats

    enable: true
    neverRelease: {role: [RootAdmin]}
    18:7: warning: ...dryRun: not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released; write dryRun: true, or false to release seats
    18:15: warning: ...enable: nothing is released: no type of seat is enabled in licenseType; set licenseType.analyzer.enable: true or the like, or this to false

    enable: true
    licenseType: {analyzer: {enable: true}}
    18:7: warning: ...neverRelease: nobody is protected except the users of the directory INTERNAL; list in neverRelease who must never lose their seat, such as service accounts and administrators
    18:7: warning: ...dryRun: not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released; write dryRun: true, or false to release seats

    enable: true
    dryRun: false
    neverRelease: {role: [RootAdmin]}
    licenseType: {analyzer: {enable: true}}
    18:7: warning: ...licenseKeyShared: it isn't said whether other Qlik sites use the same license key: a seat that is taken here is taken there, too; write licenseKeyShared: false if this site is the only one, or true if there are others and seats may be taken all the same

    enable: true
    dryRun: false
    licenseKeyShared: false
    neverRelease: {role: [RootAdmin]}
    licenseType: {analyzer: {enable: true}}

    enable: true
    neverRelease: {role: [RootAdmin]}
    licenseType: {analyzer: {enable: true}}
    destination: {influxDb: {enable: true}, mqtt: {enable: true, sendAlert: {enable: true}}, webhook: {enable: true, sendRecurring: {enable: true}}}
    18:7: warning: ...dryRun: not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released; write dryRun: true, or false to release seats
    21:40: warning: ...destination.influxDb.enable: nothing is sent: Butler.influxDb is off; set Butler.influxDb.enable: true, or this to false
    21:62: warning: ...destination.mqtt.enable: nothing is sent: Butler.mqttConfig is off; set Butler.mqttConfig.enable: true, or this to false
    21:114: warning: ...destination.webhook.enable: nothing is sent: Butler.webhookNotification is off; set Butler.webhookNotification.enable: true, or this to false

    enable: true
    neverRelease: {role: [RootAdmin]}
    licenseType: {analyzer: {enable: true}}
    destination: {influxDb: {enable: true}, mqtt: {enable: true, sendAlert: {enable: true}}, webhook: {enable: true, sendRecurring: {enable: true}}}
    18:7: warning: ...dryRun: not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released; write dryRun: true, or false to release seats
    21:40: warning: ...destination.influxDb.enable: nothing is sent: Butler.influxDb is off; set Butler.influxDb.enable: true, or this to false
    21:62: warning: ...destination.mqtt.enable: nothing is sent: Butler.mqttConfig is off; set Butler.mqttConfig.enable: true, or this to false
    21:114: warning: ...destination.webhook.enable: nothing is sent: Butler.webhookNotification.qlikSenseLicenseRelease has no webhooks; add one there, or set this to false

    enable: true
    neverRelease: {role: [RootAdmin]}
    licenseType: {analyzer: {enable: true, graceDays: 7}}
    18:7: warning: ...dryRun: not written, as in files of Butler 11.1 and 12.0: this is a rehearsal, no seat is released; write dryRun: true, or false to release seats
    20:57: warning: ...licenseType.analyzer.graceDays: nobody hears of the announcements: they are sent to MQTT, webhooks and e-mail only; set licenseRelease.destination.mqtt, .webhook or .email to enable: true and sendAlert.enable: true

    enable: false
    dryRun: false
    destination: {influxDb: {enable: true}, mqtt: {enable: true, sendAlert: {enable: true}}, webhook: {enable: true, sendRecurring: {enable: true}}}
    ");
}

#[test]
fn a_site_may_have_rules_of_its_own() {
    let text = with_release(
        "enable: true
dryRun: true
neverRelease:
  user: [{userDir: CORP, userId: boss}]
  tag: [keep]
licenseType:
  analyzer: {enable: true, releaseThresholdDays: 60}
destination:
  influxDb: {enable: true, userTag: hash}",
        "  influxDb: {enable: true, hostIP: db, version: 1, v1Config: {dbName: qlik}}
  sites:
    - name: prod
    - name: test
      qlikSenseLicense:
        licenseRelease:
          dryRun: false
          licenseKeyShared: false
          neverRelease:
            user: [{userDir: TEST, userId: '*'}]
          licenseType:
            analyzer: {releaseThresholdDays: 14}
            professional: {enable: true}
          destination:
            influxDb: {enable: false}
    - name: dev
      qlikSenseLicense:
        licenseRelease: {enable: false}
",
    );
    let loaded = loaded(&text);
    assert_eq!(warnings(&loaded), "");
    let [prod, test, dev] = loaded.settings.sites.as_slice() else { panic!() };
    let [prod, test, dev] = [&prod.release, &test.release, &dev.release];
    assert_eq!((prod.enable, prod.dry_run), (true, true));
    assert_eq!((test.enable, test.dry_run), (true, false));
    assert_eq!((dev.enable, dev.dry_run), (false, true));
    assert_eq!(prod.policy.never_release.users, [user("CORP", "boss")]);
    // A list takes the place of the common one; what is not written is inherited.
    assert_eq!(test.policy.never_release.users, [user("TEST", "*")]);
    assert_eq!(test.policy.never_release.tags, ["keep"]);
    let days = |types: &[TypeRule]| -> Vec<u32> {
        types.iter().map(|t| t.release_threshold_days).collect()
    };
    assert_eq!(days(&prod.policy.types), [60]);
    assert_eq!(days(&test.policy.types), [30, 14]);
    let is_on = |release: &Release| release.destination.of(Channel::InfluxDb).is_on();
    assert_eq!((is_on(prod), is_on(test)), (true, false));
    assert_eq!((prod.user_tag, test.user_tag), (UserTag::Hash, UserTag::Hash));
}

#[test]
fn zero_free_seats_are_not_off() {
    let rules = |rule: &str| format!("licenseType:\n  analyzer: {{enable: true, {rule}}}\n");
    let said = |rule: &str| said(&with_release(&rules(rule), ""));
    let warned = said("keepFree: 0");
    assert!(
        warned.contains("19:44: warning: ...licenseType.analyzer.keepFree: 0 releases nothing"),
        "{warned}"
    );
    assert!(warned.contains("remove it to release all that are due"), "{warned}");
    assert_eq!(said("keepFree: 1"), "");
}

#[test]
fn freezes_and_allowed_hours_reach_the_policy() {
    let text = with_release(
        "freeze:
  - {from: 2026-12-15, to: 2027-01-10, why: year end}
  - {from: 03-28, to: 04-02}
allowedHours:
  - {days: [weekdays, sat], from: 20:00, to: 06:00}
  - {from: '0:00', to: 24:00}
neverRelease:
  user: [{userDir: CORP, userId: anna, until: 2027-03-31, why: parental leave}]",
        "  timeZone: Europe/Stockholm\n",
    );
    let policy = &loaded(&text).settings.sites[0].release.policy;
    let json = serde_json::to_string_pretty(&policy.calendar).unwrap();
    insta::assert_snapshot!(json);
    let rule = &policy.never_release.users[0];
    assert_eq!(rule.to_string(), "CORP\\anna (through 2027-03-31: parental leave)");
}

#[test]
fn freezes_and_hours_that_can_not_be_right() {
    insta::assert_snapshot!(said(&with_release(
        "enable: true
freeze:
  - {from: 2026-12-15, to: 2026-12-01}
  - {from: 12-15, to: 2027-01-10}
  - {from: 2026-02-29, to: soon}
  - {to: 01-10}
allowedHours:
  - {days: [mon, mittwoch], from: 20:00, to: 6}
  - {from: 20:00, to: 20:00}
  - {from: 24:00, to: 01:00}
  - {to: 25:00}
neverRelease:
  user:
    - {userDir: CORP, userId: anna, until: 31.3.2027}
    - {userDir: CORP, userId: bert, until: 03-31}",
        "",
    )));
    insta::assert_snapshot!(said(&with_release(
        "enable: true
dryRun: false
frequency: at 05:00
licenseKeyShared: false
licenseType: {analyzer: {enable: true}}
freeze:
  - {from: 02-29, to: 02-29}
  - {from: 06-01, to: 05-31}
allowedHours:
  - {from: 20:00, to: 22:00}
neverRelease:
  user:
    - {userDir: CORP, userId: anna, until: 2020-01-01}",
        "",
    )));
}

#[test]
fn an_entry_that_ends_soon_is_a_warning() {
    let today = environment().now.date_naive();
    for (days, expected) in [
        (-1, "this ended on"),
        (0, "this ends today"),
        (1, "this ends in 1 day"),
        (14, "this ends in 14 days"),
        (15, ""),
    ] {
        let until = today + chrono::Duration::days(days);
        let text =
            format!("neverRelease: {{user: [{{userDir: CORP, userId: a, until: {until}}}]}}");
        let said = said(&with_release(&text, ""));
        assert!(said.contains(expected), "{days}: {said}");
        assert_eq!(said.is_empty(), expected.is_empty(), "{days}: {said}");
    }
}
