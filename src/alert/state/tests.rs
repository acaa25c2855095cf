//! Tables on virtual time: at each minute, what was told and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::alert::Unknown;

const START: i64 = 1_800_000_000;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(START + minutes * 60, 0).unwrap()
}

fn condition(subject: &str) -> Condition {
    Condition {
        subject: subject.into(),
        level: Level::Holds,
        severity: Severity::Warning,
        title: "title".into(),
        text: "text".into(),
        hint: "hint".into(),
        facts: Map::new(),
        step: None,
        repeats: true,
        observed: at(0),
    }
}

fn stepped(step: i64, repeats: bool) -> Condition {
    Condition { step: Some(step), repeats, ..condition("") }
}

/// What a rule says at a time.
#[derive(Clone)]
enum Says {
    Holds,
    Lingers,
    Well,
    Unknown,
    Step(i64, bool),
    Observed(i64),
    /// Holds with this severity.
    As(Severity),
}

fn judged(rule: Rule, says: &Says, minute: i64) -> Judged {
    let observed = at(minute);
    match says {
        Says::Holds => Judged::of(rule, [Condition { observed, ..condition("") }]),
        Says::Lingers => {
            Judged::of(rule, [Condition { level: Level::Lingers, observed, ..condition("") }])
        }
        Says::Well => Judged::of(rule, []),
        Says::Unknown => Judged::unknown(rule),
        Says::Step(step, repeats) => {
            Judged::of(rule, [Condition { observed, ..stepped(*step, *repeats) }])
        }
        Says::As(severity) => {
            Judged::of(rule, [Condition { severity: *severity, observed, ..condition("") }])
        }
        Says::Observed(minute) => {
            Judged::of(rule, [Condition { observed: at(*minute), ..condition("") }])
        }
    }
}

struct Bench {
    policy: Policy,
    states: States,
    silences: Vec<Silence>,
    told: Vec<String>,
}

impl Bench {
    fn new(hold_minutes: u64) -> Self {
        let mut policy = Policy::default();
        for entry in crate::alert::catalogue::ALL {
            policy.rule_mut(entry.rule).hold = Duration::from_secs(hold_minutes * 60);
        }
        Self { policy, states: States::new(), silences: Vec::new(), told: Vec::new() }
    }

    fn look(&mut self, minute: i64, rules: &[(Rule, Says)]) {
        let all = rules.iter().map(|(rule, says)| judged(*rule, says, minute)).collect();
        self.look_at(minute, vec![("prod".to_owned(), all)]);
    }

    fn look_at(&mut self, minute: i64, judged: Vec<(String, Vec<Judged>)>) {
        // As through a restart: what isn't written down is forgotten.
        let text = serde_json::to_string(&self.states.values().collect::<Vec<_>>()).unwrap();
        let alerts: Vec<Alert> = serde_json::from_str(&text).unwrap();
        let states = alerts.into_iter().map(|alert| (alert.key.clone(), alert)).collect();
        let step = step(&states, &judged, &self.silences, |_| &self.policy, at(minute));
        for notice in &step.notices {
            let key = &notice.alert.key;
            let subject =
                if key.subject.is_empty() { String::new() } else { format!(" {}", key.subject) };
            let status = notice.status.as_str();
            self.told.push(format!("{minute}: {}{subject} {status} {}", key.rule, notice.repeats));
        }
        self.states = step.states;
    }

    /// Each line: from this minute on the rule says this. Looked at each ten minutes.
    fn run(&mut self, rule: Rule, lines: &[(i64, Says)], until: i64) -> Vec<String> {
        for minute in (0..=until).step_by(10) {
            let says = lines.iter().rfind(|(from, _)| *from <= minute).map(|(_, says)| says);
            self.look(minute, &[(rule, says.cloned().unwrap_or(Says::Well))]);
        }
        std::mem::take(&mut self.told)
    }
}

const DAY: i64 = 1_440;

#[test]
fn fires_once_then_at_the_interval_then_is_over() {
    let lines = [(20, Says::Holds), (2 * DAY + 100, Says::Well)];
    assert_eq!(
        Bench::new(0).run(Rule::SeatsLow, &lines, 3 * DAY),
        [
            "20: seatsLow firing 0",
            "1460: seatsLow firing 1",
            "2900: seatsLow firing 2",
            "2980: seatsLow resolved 2",
        ]
    );
}

#[test]
fn pending_until_it_held_for_long_enough_without_a_break() {
    let lines = [
        (10, Says::Holds),
        (60, Says::Well),
        (70, Says::Holds),
        (100, Says::Lingers),
        (110, Says::Holds),
        (200, Says::Well),
    ];
    assert_eq!(
        Bench::new(60).run(Rule::SeatsLow, &lines, 300),
        ["170: seatsLow firing 0", "200: seatsLow resolved 0"]
    );
}

#[test]
fn what_is_not_known_changes_nothing() {
    let lines =
        [(0, Says::Holds), (10, Says::Unknown), (2 * DAY, Says::Holds), (3 * DAY, Says::Well)];
    assert_eq!(
        Bench::new(0).run(Rule::SeatsLow, &lines, 3 * DAY),
        ["0: seatsLow firing 0", "2880: seatsLow firing 1", "4320: seatsLow resolved 1",],
        "neither told again nor over while unknown"
    );
    let lines = [(0, Says::Holds), (10, Says::Unknown)];
    assert!(Bench::new(60).run(Rule::SeatsLow, &lines, DAY).is_empty(), "pending stays pending");
}

#[test]
fn a_figure_that_swings_around_its_limit_is_told_once() {
    let lines: Vec<_> = (0..50)
        .map(|n| (n * 10, if n % 2 == 0 { Says::Holds } else { Says::Lingers }))
        .chain([(500, Says::Well)])
        .collect();
    assert_eq!(
        Bench::new(0).run(Rule::SeatsLow, &lines, 600),
        ["0: seatsLow firing 0", "500: seatsLow resolved 0"]
    );
    let lines = [(0, Says::Lingers)];
    assert!(Bench::new(0).run(Rule::SeatsLow, &lines, 100).is_empty(), "nothing begins so");
}

#[test]
fn each_smaller_step_is_told_at_once_and_only_the_last_one_repeats() {
    let rule = Rule::ServerLicenseExpiring;
    let lines = [
        (0, Says::Step(90, false)),
        (3 * DAY, Says::Step(60, false)),
        (6 * DAY, Says::Step(90, false)),
        (7 * DAY, Says::Step(60, false)),
        (8 * DAY, Says::Step(1, true)),
        (10 * DAY, Says::Well),
    ];
    assert_eq!(
        Bench::new(0).run(rule, &lines, 11 * DAY),
        [
            "0: serverLicenseExpiring firing 0",
            "4320: serverLicenseExpiring firing 1",
            "10080: serverLicenseExpiring firing 2",
            "11520: serverLicenseExpiring firing 3",
            "12960: serverLicenseExpiring firing 4",
            "14400: serverLicenseExpiring resolved 4",
        ]
    );
}

#[test]
fn as_butler_each_poll_is_told() {
    let mut bench = Bench::new(0);
    bench.policy.repeat = Repeat::EachPoll;
    let lines = [(0, Says::Observed(0)), (60, Says::Observed(60)), (120, Says::Observed(120))];
    assert_eq!(
        bench.run(Rule::ServerLicenseExpiring, &lines, 170),
        [
            "0: serverLicenseExpiring firing 0",
            "60: serverLicenseExpiring firing 1",
            "120: serverLicenseExpiring firing 2",
        ]
    );
}

#[test]
fn a_worse_alert_holds_back_and_what_still_fires_is_told_after_it() {
    for (worse, lesser) in
        INHIBITED.iter().flat_map(|(worse, all)| all.iter().map(move |lesser| (*worse, *lesser)))
    {
        let mut bench = Bench::new(0);
        bench.look(0, &[(worse, Says::Holds), (lesser, Says::Holds)]);
        bench.look(10, &[(worse, Says::Well), (lesser, Says::Holds)]);
        bench.look(20, &[(worse, Says::Well), (lesser, Says::Well)]);
        let mut expected = vec![format!("0: {worse} firing 0"), format!("10: {worse} resolved 0")];
        expected.push(format!("10: {lesser} firing 0"));
        expected.push(format!("20: {lesser} resolved 0"));
        expected.sort();
        bench.told.sort();
        assert_eq!(bench.told, expected, "{worse} over {lesser}");
    }
}

#[test]
fn another_subject_or_site_holds_nothing_back() {
    let mut bench = Bench::new(0);
    let gone = Judged::of(Rule::SeatsGone, [condition("analyzer")]);
    let low = |subject| Judged::of(Rule::SeatsLow, [condition(subject)]);
    bench.look_at(
        0,
        vec![("a".into(), vec![gone, low("professional")]), ("b".into(), vec![low("analyzer")])],
    );
    assert_eq!(
        bench.told,
        [
            "0: seatsLow professional firing 0",
            "0: seatsGone analyzer firing 0",
            "0: seatsLow analyzer firing 0",
        ]
    );
}

#[test]
fn a_site_that_cannot_be_read_holds_back_everything_of_it_but_no_end() {
    let mut bench = Bench::new(0);
    let down = (Rule::SiteUnreachable, Says::Holds);
    bench.look(0, &[(Rule::SeatsLow, Says::Holds), (Rule::SiteUnreachable, Says::Well)]);
    bench
        .look(10, &[(Rule::SeatsLow, Says::Unknown), (Rule::DataStale, Says::Holds), down.clone()]);
    bench.look(2 * DAY, &[(Rule::SeatsLow, Says::Holds), (Rule::DataStale, Says::Holds), down]);
    bench.look(
        2 * DAY + 10,
        &[
            (Rule::SeatsLow, Says::Well),
            (Rule::DataStale, Says::Well),
            (Rule::SiteUnreachable, Says::Well),
        ],
    );
    assert_eq!(
        bench.told,
        [
            "0: seatsLow firing 0",
            "10: siteUnreachable firing 0",
            "2880: siteUnreachable firing 1",
            "2890: seatsLow resolved 0",
            "2890: siteUnreachable resolved 1",
        ],
        "stale data was never told, so its end isn't"
    );
}

fn silence(id: i64, until: i64) -> Silence {
    Silence {
        id,
        site: None,
        rule: None,
        subject: None,
        from: at(0),
        until: at(until),
        why: "why".into(),
        by: "me".into(),
    }
}

#[test]
fn a_silence_holds_back_until_it_ends() {
    let mut bench = Bench::new(0);
    bench.silences = vec![silence(1, 100)];
    assert_eq!(
        bench.run(Rule::SeatsLow, &[(10, Says::Holds), (200, Says::Well)], 300),
        ["100: seatsLow firing 0", "200: seatsLow resolved 0"]
    );
    bench.silences = vec![silence(1, 1_000)];
    let lines = [(10, Says::Holds), (200, Says::Well)];
    assert!(bench.run(Rule::SeatsLow, &lines, 2_000).is_empty(), "come and gone unheard");
}

#[test]
fn under_a_silence_the_end_of_what_was_told_is_told() {
    let mut bench = Bench::new(0);
    bench.look(0, &[(Rule::SeatsLow, Says::Holds)]);
    bench.silences = vec![silence(1, 5 * DAY)];
    bench.look(2 * DAY, &[(Rule::SeatsLow, Says::Holds)]);
    bench.look(3 * DAY, &[(Rule::SeatsLow, Says::Well)]);
    assert_eq!(bench.told, ["0: seatsLow firing 0", "4320: seatsLow resolved 0"]);
}

#[test]
fn silences_match_by_site_rule_and_subject() {
    let key = Key::new("prod", Rule::SeatsLow, "analyzer");
    let all = silence(1, 10);
    let now = at(0);
    assert!(all.covers(&key, now) && !all.covers(&key, at(10)), "over at its end");
    let of = |change: &dyn Fn(&mut Silence)| {
        let mut silence = all.clone();
        change(&mut silence);
        silence.covers(&key, now)
    };
    assert!(of(&|s| s.site = Some("PROD".into())));
    assert!(!of(&|s| s.site = Some("test".into())));
    assert!(of(&|s| s.rule = Some(Rule::SeatsLow)));
    assert!(!of(&|s| s.rule = Some(Rule::SeatsGone)));
    assert!(of(&|s| s.subject = Some("analyzer".into())));
    assert!(!of(&|s| s.subject = Some("professional".into())));
}

#[test]
fn what_happens_is_written_down_once() {
    let mut bench = Bench::new(0);
    let silences = [silence(7, 100)];
    let mut all = Vec::new();
    for minute in [0, 10, 20, 110, 120, 130] {
        let says = if minute < 130 { Says::Holds } else { Says::Well };
        let judged = vec![("prod".into(), vec![judged(Rule::SeatsLow, &says, minute)])];
        let step = step(&bench.states, &judged, &silences, |_| &bench.policy, at(minute));
        all.extend(step.happened.iter().map(|(_, what)| format!("{minute} {}", what.as_str())));
        bench.states = step.states;
    }
    assert_eq!(all, ["0 silenced", "110 fired", "130 resolved"]);
}

#[test]
fn a_rule_or_site_that_is_no_longer_watched_is_over() {
    let mut bench = Bench::new(0);
    bench.look(0, &[(Rule::SeatsLow, Says::Holds)]);
    bench.look_at(10, vec![]);
    assert_eq!(bench.told, ["0: seatsLow firing 0", "10: seatsLow resolved 0"]);
}

#[test]
fn a_subject_that_is_not_known_stays_and_the_others_go() {
    let mut bench = Bench::new(0);
    let both = Judged::of(Rule::DataStale, [condition("a"), condition("b")]);
    bench.look_at(0, vec![("prod".into(), vec![both])]);
    let unknown = Unknown::These(BTreeSet::from(["a".to_owned()]));
    let judged = Judged { unknown, ..Judged::of(Rule::DataStale, []) };
    bench.look_at(10, vec![("prod".into(), vec![judged])]);
    assert_eq!(bench.told[2..], ["10: dataStale b resolved 0"]);
    assert_eq!(bench.states.len(), 1);
}

#[test]
fn a_clock_that_jumps_neither_repeats_wildly_nor_falls_silent() {
    let mut bench = Bench::new(0);
    let holds = [(Rule::SeatsLow, Says::Holds)];
    for minute in [0, 400 * DAY, 400 * DAY + 10, 0, 10, DAY - 10, DAY, DAY + 10] {
        bench.look(minute, &holds);
    }
    assert_eq!(
        bench.told,
        ["0: seatsLow firing 0", "576000: seatsLow firing 1", "1440: seatsLow firing 2",],
        "a year ahead: once; back again: at the interval from then on"
    );
}

#[test]
fn a_hold_is_no_longer_after_the_clock_was_set_back() {
    let mut bench = Bench::new(60);
    for minute in [1_000, 0, 30, 59, 60] {
        bench.look(minute, &[(Rule::SeatsLow, Says::Holds)]);
    }
    assert_eq!(bench.told, ["60: seatsLow firing 0"]);
}

proptest! {
    /// However the looks fall in between, and whatever the rules say: an end is told for what was
    /// told, each firing is told first, and never two of the same kind without the time between.
    #[test]
    fn firing_and_resolved_alternate(says in prop::collection::vec(0u8..4, 1..80), hold in 0u64..30) {
        let mut bench = Bench::new(hold);
        for (n, says) in says.iter().enumerate() {
            let says = match says { 0 => Says::Holds, 1 => Says::Lingers, 2 => Says::Well, _ => Says::Unknown };
            bench.look(n as i64 * 10, &[(Rule::SeatsLow, says)]);
        }
        let kinds: Vec<bool> = bench.told.iter().map(|line| line.contains("firing")).collect();
        prop_assert!(kinds.iter().enumerate().all(|(n, firing)| *firing == (n % 2 == 0)), "{:?}", bench.told);
    }
}

#[test]
fn a_worse_severity_is_told_at_once_and_a_better_one_when_others_are_told_then() {
    use Severity::{Critical, Info, Warning};
    let lines = [
        (10, Says::As(Info)),
        (20, Says::As(Warning)),
        (30, Says::As(Info)),
        (40, Says::As(Warning)),
        (50, Says::As(Critical)),
        (60, Says::As(Critical)),
        (70, Says::As(Warning)),
        (80, Says::As(Info)),
        (90, Says::Well),
    ];
    let told = Bench::new(0).run(Rule::CapacityShort, &lines, 100);
    let expected = [
        "10: capacityShort firing 0",
        "20: capacityShort firing 1",
        // Back to info and to warning again is no news.
        "50: capacityShort firing 2",
        "70: capacityShort firing 3",
        "90: capacityShort resolved 3",
    ];
    assert_eq!(told, expected);
}

/// A step that is crossed and a worse severity are one message.
#[test]
fn a_worse_severity_at_a_step_is_told_once() {
    let mut bench = Bench::new(0);
    let say = |step, severity| {
        let condition = Condition { severity, ..stepped(step, false) };
        vec![("prod".to_owned(), vec![Judged::of(Rule::ServerLicenseExpiring, [condition])])]
    };
    bench.look_at(0, say(60, Severity::Info));
    bench.look_at(10, say(30, Severity::Warning));
    bench.look_at(20, say(30, Severity::Warning));
    bench.look_at(30, say(30, Severity::Critical));
    assert_eq!(bench.told.len(), 3, "{:?}", bench.told);
}

/// An end says how things are now, and under a silence whose it is.
#[test]
fn an_end_says_how_it_is_now() {
    let now_well = |text: &str| {
        let mut facts = Map::new();
        facts.insert("free".into(), 12.into());
        Condition { level: Level::Well, text: text.into(), facts, ..condition("") }
    };
    let policy = Policy::default();
    let judge = |condition| [("prod".to_owned(), vec![Judged::of(Rule::SeatsLow, [condition])])];
    let fires = step(&States::new(), &judge(condition("")), &[], |_| &policy, at(0));
    let silence = Silence {
        id: 3,
        site: None,
        rule: Some(Rule::SeatsLow),
        subject: None,
        from: at(0),
        until: at(DAY),
        why: "order is placed".into(),
        by: "anna".into(),
    };
    let silences = [silence];
    let over = step(&fires.states, &judge(now_well("12 are free")), &silences, |_| &policy, at(10));
    let [notice] = over.notices.as_slice() else { panic!("{over:?}") };
    assert_eq!(notice.alert.text, "over: 12 are free (it was: text)");
    assert_eq!(notice.alert.facts["free"], 12);
    assert_eq!(notice.silence.as_ref().map(|silence| silence.by.as_str()), Some("anna"));
    // Of a site that the settings have no more nothing is known.
    let over = step(&fires.states, &[], &[], |_| &policy, at(10));
    assert_eq!(over.notices[0].alert.text, "over: text");
}

#[test]
fn what_was_told_says_how_often_and_that_nobody_heard_it() {
    let told = |times, sent_to| {
        let notified = Notified {
            last: DateTime::UNIX_EPOCH,
            times,
            sent_to,
            step: None,
            severity: None,
            observed: DateTime::UNIX_EPOCH,
        };
        notified.in_words()
    };
    assert_eq!(told(1, Some(2)), "told once");
    assert_eq!(told(3, None), "told 3 times", "of an older release");
    let nobody = "told once, the last time to nobody: no destination takes it";
    assert_eq!(told(1, Some(0)), nobody);
}
