use super::*;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn times(text: &str, after: &str, zone: Tz, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(text).unwrap();
    let times = schedule.upcoming(time(after), zone, count);
    times.iter().map(|t| t.format("%m-%d %H:%M:%S").to_string()).collect()
}

/// What later.js accepts but would do something else than it says.
const MISLEADING: [&str; 9] = [
    "every 36 hours",
    "every 48 hours",
    "every 500 hours",
    "every 90 minutes",
    "every 100 minutes",
    "every 90 seconds",
    "every 0 hours",
    "on the 32nd day of the month",
    "",
];
/// What later.js rejects and is taken here: a blank at the end, and cron.
const TAKEN: [&str; 2] = ["every 6 hours ", "0 8 * * *"];

#[test]
fn butlers_phrases_mean_what_they_mean_in_butler() {
    let text = include_str!("../../tests/data/schedules/later-4.2.0.json");
    let oracle: serde_json::Value = serde_json::from_str(text).unwrap();
    let phrases = oracle["phrases"].as_array().unwrap();
    assert_eq!(phrases.len(), 110);
    let (mut compared, mut refused) = (0, 0);
    for entry in phrases {
        let phrase = entry["phrase"].as_str().unwrap();
        let accepted = entry["error"] == -1 && !MISLEADING.contains(&phrase);
        if !accepted && !TAKEN.contains(&phrase) {
            assert!(Schedule::parse(phrase).is_err(), "{phrase} should be refused");
            refused += 1;
            continue;
        }
        let schedule = Schedule::parse(phrase).unwrap_or_else(|e| panic!("{phrase}: {e}"));
        for start in oracle["starts"].as_array().unwrap() {
            let start = start.as_str().unwrap();
            let Some(expected) = entry["fires"][start].as_array() else { continue };
            let found = schedule.upcoming(time(start), Tz::UTC, 5);
            // later.js looks further ahead than five years.
            let count = found.len();
            assert!(count == expected.len() || phrase.contains("20") || phrase.contains("year"));
            let expected: Vec<DateTime<Utc>> =
                expected.iter().take(count).map(|t| time(t.as_str().unwrap())).collect();
            assert_eq!(found, expected, "{phrase} from {start}");
            compared += 1;
        }
    }
    assert_eq!((compared, refused), (140, 38));
}

#[test]
fn advice_is_a_schedule_that_can_be_read() {
    let rejected = [
        "at 15 minutes past every hour",
        "every hour",
        "every minute",
        "every day",
        "every week",
        "every month",
        "every year",
        "every hour except on weekend",
        "every hour except after 18:00",
        "@ 08:00",
        "hello",
        "every -1 hours",
        "every 6",
        "6 hours",
        "every hours 6",
        "every 6 houres",
        "at 8",
        "at 08",
        "at 25:00",
        "at 24:00",
        "at 08:00:30",
        "every 1.5 hours",
        "on funday",
        "on sept 1",
        "of sep",
        "every weekday at noon",
        "every 2 hours on weekday",
        "at 06:00 of jan,jul",
        "every 2 hours starting at the 3rd hour",
        "every 5 minutes between the 10th and 30th minute",
        "daily",
        "every monday",
        "",
        "on the last hour",
        "every 36 hours",
        "every 48 hours",
        "every 90 minutes",
        "every 0 hours",
        "on the 32nd day of the month",
        "0 0 30 2 *",
        "61 * * * *",
        "on the 31st day of the month of feb",
        "at 08:00 except at 08:00",
        "in 2020",
    ];
    let mut text = String::new();
    for phrase in rejected {
        match Schedule::parse(phrase) {
            Err(error) => {
                text += &format!("{error}\n");
                if let Some(better) = advice::suggest(phrase) {
                    assert!(Schedule::parse(&better).is_ok(), "{better}");
                }
            }
            Ok(schedule) => {
                let now = time("2026-01-01T00:00:00Z");
                text += &format!(
                    "{phrase}: {:?}\n",
                    schedule.fires_after(now, Tz::UTC).map_err(|e| e.to_string())
                );
            }
        }
    }
    insta::assert_snapshot!(text, @r#"
"at 15 minutes past every hour" is not a schedule: "15 minutes past every hour" stands where a time such as 08:00 or 5:00 pm is expected; write "on the 15 minute"
"every hour" is not a schedule: "hour" stands where a number, "weekday" or "weekend" is expected; write "every 1 hour"
"every minute" is not a schedule: "minute" stands where a number, "weekday" or "weekend" is expected; write "every 1 minute"
"every day" is not a schedule: "day" stands where a number, "weekday" or "weekend" is expected; write "every 1 day"
"every week" is not a schedule: "week" stands where a number, "weekday" or "weekend" is expected; write "every 1 week"
"every month" is not a schedule: "month" stands where a number, "weekday" or "weekend" is expected; write "every 1 month"
"every year" is not a schedule: "year" stands where a number, "weekday" or "weekend" is expected; write "every 1 year"
"every hour except on weekend" is not a schedule: "hour except on weekend" stands where a number, "weekday" or "weekend" is expected; write "every 1 hour except every weekend"
"every hour except after 18:00" is not a schedule: "hour except after 18:00" stands where a number, "weekday" or "weekend" is expected; write "every 1 hour except after 18:00"
"@ 08:00" is not a schedule: "@ 08:00" stands where a word such as every, at, on, after, before, of, in, also or except is expected; write "at 08:00"
"hello" is not a schedule: "hello" stands where a word such as every, at, on, after, before, of, in, also or except is expected; write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"every -1 hours" is not a schedule: "-1 hours" stands where a number, "weekday" or "weekend" is expected; write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"every 6" is not a schedule: the text ends where a unit such as minutes, hours or days is expected; write "every 6 hours"
"6 hours" is not a schedule: "6 hours" stands where a word such as every, at, on, after, before, of, in, also or except is expected; write "every 6 hours"
"every hours 6" is not a schedule: "hours 6" stands where a number, "weekday" or "weekend" is expected; write "every 6 hours"
"every 6 houres" is not a schedule: "houres" stands where a unit such as minutes, hours or days is expected; write "every 6 hours"
"at 8" is not a schedule: "8" stands where a time such as 08:00 or 5:00 pm is expected; write "at 08:00"
"at 08" is not a schedule: "08" stands where a time such as 08:00 or 5:00 pm is expected; write "at 08:00"
"at 25:00" is not a schedule: "25:00" stands where a time such as 08:00 or 5:00 pm is expected; write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"at 24:00" is not a schedule: "24:00" stands where a time such as 08:00 or 5:00 pm is expected; write "at 00:00"
"at 08:00:30" is not a schedule: ":30" stands where a word such as every, at, on, after, before, of, in, also or except is expected; write "30 0 8 * * *"
"every 1.5 hours" is not a schedule: "1.5 hours" stands where a number, "weekday" or "weekend" is expected; write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"on funday" is not a schedule: "funday" stands where a day's name is expected; write "on sunday"
"on sept 1" is not a schedule: "sept 1" stands where a day's name is expected; write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"of sep" is not a schedule: "sep" stands where a month's name is expected; write "of sept"
"every weekday at noon" is not a schedule: "noon" stands where a time such as 08:00 or 5:00 pm is expected; write "every weekday at 12:00"
"every 2 hours on weekday" is not a schedule: "weekday" stands where a day's name is expected; write "every 2 hours every weekday"
"at 06:00 of jan,jul" is not a schedule: "jul" stands where a month's name is expected; write "at 06:00 of jan,july"
"every 2 hours starting at the 3rd hour" is not a schedule: "the 3rd hour" stands where a number is expected; write "every 2 hours starting on the 3rd hour"
"every 5 minutes between the 10th and 30th minute" is not a schedule: "minute" stands where a word such as every, at, on, after, before, of, in, also or except is expected; write "every 5 minutes between the 10th and 30th"
"daily" is not a schedule: "daily" stands where a word such as every, at, on, after, before, of, in, also or except is expected; write "every 1 day"
"every monday" is not a schedule: "monday" stands where a number, "weekday" or "weekend" is expected; write "on monday"
"" is not a schedule: the text ends where a schedule is expected; write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"on the last hour" is not a schedule: "last hour" stands where a number (only days and weeks have a last one) is expected; write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"every 36 hours" would not do what it says: hours are counted from the start of each day, so it would run every day; write "every 1 day" or "every 2 days"
"every 48 hours" would not do what it says: hours are counted from the start of each day, so it would run every day; write "every 2 days"
"every 90 minutes" would not do what it says: minutes are counted from the start of each hour, so it would run every hour; write "every 1 hour" or "every 2 hours"
"every 0 hours" would not do what it says: 0 hours is no interval; write "every 1 hour"
"on the 32nd day of the month" would not do what it says: days of the month go from 1 to 31, so there is none with number 32; write a number from 1 to 31
"0 0 30 2 *" never runs (no time within the next five years); write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"61 * * * *" is not a schedule: it can't be read as cron (Component error: Number out of bounds); write five fields (minute hour day month weekday) or six (second first), such as "30 6 * * MON-FRI"
"on the 31st day of the month of feb" never runs (no time within the next five years); write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
"at 08:00 except at 08:00" never runs (no time within the next five years); write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *"
in 2020: Err("\"in 2020\" never runs (no time within the next five years); write for example \"every 6 hours\", \"at 08:00\", \"at 07:30 every weekday\" or the cron \"0 */6 * * *\"")
"#);
}

#[test]
fn exceptions_weeks_and_instances() {
    let from = "2026-01-15T10:07:23Z";
    let mut text = String::new();
    for phrase in [
        "every 6 hours except every weekend",
        "every 12 hours except after 12:00",
        "at 08:00 except on the first day of the month",
        "every weekday except of jan",
        "on the first day instance on monday",
        "on the last week of the year on friday at 10:00",
        "on the 2nd week of the month on tuesday",
        "after 08:00 before 17:00",
        "at 05:00 also on the 30th minute of march",
        "every 5 minutes between the 10th and 20th after 09:00",
        "every 2 hours starting on the 3rd hour also at 12:15",
        "on the last day of the year at 23:59",
        "on the 366th day of the year",
    ] {
        text += &format!("{phrase}: {}\n", times(phrase, from, Tz::UTC, 4).join(", "));
    }
    insta::assert_snapshot!(text, @r#"
every 6 hours except every weekend: 01-15 12:00:00, 01-15 18:00:00, 01-16 00:00:00, 01-16 06:00:00
every 12 hours except after 12:00: 01-16 00:00:00, 01-17 00:00:00, 01-18 00:00:00, 01-19 00:00:00
at 08:00 except on the first day of the month: 01-16 08:00:00, 01-17 08:00:00, 01-18 08:00:00, 01-19 08:00:00
every weekday except of jan: 02-02 00:00:00, 02-03 00:00:00, 02-04 00:00:00, 02-05 00:00:00
on the first day instance on monday: 02-02 00:00:00, 03-02 00:00:00, 04-06 00:00:00, 05-04 00:00:00
on the last week of the year on friday at 10:00: 01-01 10:00:00, 12-31 10:00:00, 12-29 10:00:00, 12-28 10:00:00
on the 2nd week of the month on tuesday: 02-10 00:00:00, 03-10 00:00:00, 04-07 00:00:00, 05-05 00:00:00
after 08:00 before 17:00: 01-16 08:00:00, 01-17 08:00:00, 01-18 08:00:00, 01-19 08:00:00
at 05:00 also on the 30th minute of march: 01-16 05:00:00, 01-17 05:00:00, 01-18 05:00:00, 01-19 05:00:00
every 5 minutes between the 10th and 20th after 09:00: 01-15 10:10:00, 01-15 10:15:00, 01-15 10:20:00, 01-15 11:10:00
every 2 hours starting on the 3rd hour also at 12:15: 01-15 11:00:00, 01-15 12:15:00, 01-15 13:00:00, 01-15 15:00:00
on the last day of the year at 23:59: 12-31 23:59:00, 12-31 23:59:00, 12-31 23:59:00, 12-31 23:59:00
on the 366th day of the year: 12-31 00:00:00, 12-31 00:00:00, 12-31 00:00:00, 12-31 00:00:00
"#);
}

#[test]
fn clock_changes() {
    let zone = Tz::Europe__Berlin;
    let mut text = String::new();
    // 2026-03-29 02:00 becomes 03:00; 2026-10-25 03:00 becomes 02:00 again.
    for (phrase, after) in [
        ("at 02:30", "2026-03-27T12:00:00Z"),
        ("0 30 2 * * *", "2026-03-27T12:00:00Z"),
        ("every 15 minutes", "2026-03-29T00:40:00Z"),
        ("every 1 hour", "2026-03-28T23:30:00Z"),
        ("every 6 hours", "2026-03-28T12:00:00Z"),
        ("at 02:30", "2026-10-24T12:00:00Z"),
        ("0 30 2 * * *", "2026-10-24T12:00:00Z"),
        ("at 02:30", "2026-10-25T01:10:00Z"),
        ("every 30 minutes", "2026-10-25T00:10:00Z"),
        ("0 */30 * * * *", "2026-10-25T00:10:00Z"),
        ("every 2 hours", "2026-10-24T21:00:00Z"),
        ("on the first day of the month", "2026-09-15T00:00:00Z"),
    ] {
        text += &format!("{phrase} after {after}: {}\n", times(phrase, after, zone, 5).join(", "));
    }
    insta::assert_snapshot!(text, @r#"
at 02:30 after 2026-03-27T12:00:00Z: 03-28 01:30:00, 03-29 01:00:00, 03-30 00:30:00, 03-31 00:30:00, 04-01 00:30:00
0 30 2 * * * after 2026-03-27T12:00:00Z: 03-28 01:30:00, 03-29 01:00:00, 03-30 00:30:00, 03-31 00:30:00, 04-01 00:30:00
every 15 minutes after 2026-03-29T00:40:00Z: 03-29 00:45:00, 03-29 01:00:00, 03-29 01:15:00, 03-29 01:30:00, 03-29 01:45:00
every 1 hour after 2026-03-28T23:30:00Z: 03-29 00:00:00, 03-29 01:00:00, 03-29 02:00:00, 03-29 03:00:00, 03-29 04:00:00
every 6 hours after 2026-03-28T12:00:00Z: 03-28 17:00:00, 03-28 23:00:00, 03-29 04:00:00, 03-29 10:00:00, 03-29 16:00:00
at 02:30 after 2026-10-24T12:00:00Z: 10-25 00:30:00, 10-26 01:30:00, 10-27 01:30:00, 10-28 01:30:00, 10-29 01:30:00
0 30 2 * * * after 2026-10-24T12:00:00Z: 10-25 00:30:00, 10-26 01:30:00, 10-27 01:30:00, 10-28 01:30:00, 10-29 01:30:00
at 02:30 after 2026-10-25T01:10:00Z: 10-26 01:30:00, 10-27 01:30:00, 10-28 01:30:00, 10-29 01:30:00, 10-30 01:30:00
every 30 minutes after 2026-10-25T00:10:00Z: 10-25 00:30:00, 10-25 01:00:00, 10-25 01:30:00, 10-25 02:00:00, 10-25 02:30:00
0 */30 * * * * after 2026-10-25T00:10:00Z: 10-25 00:30:00, 10-25 01:00:00, 10-25 01:30:00, 10-25 02:00:00, 10-25 02:30:00
every 2 hours after 2026-10-24T21:00:00Z: 10-24 22:00:00, 10-25 00:00:00, 10-25 03:00:00, 10-25 05:00:00, 10-25 07:00:00
on the first day of the month after 2026-09-15T00:00:00Z: 09-30 22:00:00, 10-31 23:00:00, 11-30 23:00:00, 12-31 23:00:00, 01-31 23:00:00
"#);
}

#[test]
fn exceptions_that_leave_nothing_are_found_out() {
    for phrase in [
        "every 1 second except every 1 second",
        "every 1 second except after 00:00",
        "every 1 second except before 12:00 also after 12:00",
        "at 08:00 except every 1 day",
    ] {
        let error = Schedule::parse(phrase).unwrap_err();
        assert!(matches!(error, ScheduleError::Never { .. }), "{phrase}: {error}");
    }
    let found = times(
        "every 1 second except before 12:00 also after 13:00",
        "2026-01-15T13:00:00Z",
        Tz::UTC,
        2,
    );
    assert_eq!(found, ["01-16 12:00:00", "01-16 12:00:01"]);
}

#[test]
fn after_is_included_and_before_is_not() {
    let phrase = "every 15 minutes after 08:00 before 17:00";
    let found = times(phrase, "2026-01-15T16:40:00Z", Tz::UTC, 2);
    assert_eq!(found, ["01-15 16:45:00", "01-16 08:00:00"]);
}

#[test]
fn a_clock_change_in_the_next_second_is_seen() {
    let found = times("at 02:30", "2029-02-18T01:59:59Z", Tz::Africa__Casablanca, 1);
    assert_eq!(found, ["02-18 02:00:00"]);
}

#[test]
fn surprising_steps_are_explained() {
    let remark = |text| Schedule::parse(text).unwrap().remark().map(str::to_owned);
    assert_eq!(remark("every 6 hours"), None);
    insta::assert_snapshot!(remark("every 14 days").unwrap(), @"every 14 days is counted anew from the 1st of each month, so the last step of each month is shorter");
    insta::assert_snapshot!(remark("every 7 mins").unwrap(), @"every 7 minutes is counted anew from minute 0 of each hour, so the last step of each hour is shorter");
}

proptest::proptest! {
    #[test]
    fn next_times_go_strictly_upwards(
        phrase in proptest::sample::select(vec![
            "every 6 hours", "every 7 mins", "every 45 seconds", "at 02:30", "every weekday",
            "at 02:30 and 14:00 except every weekend", "on the last day of the month at 23:30",
            "every 2 weeks", "every 15 minutes after 08:00 before 17:00", "every 3 months",
            "0 */5 * * * *", "30 2 * * *", "on the first day instance on monday at 02:00",
        ]),
        zone in proptest::sample::select(vec![
            Tz::UTC, Tz::Europe__Berlin, Tz::America__Sao_Paulo, Tz::Australia__Lord_Howe,
            Tz::Asia__Kathmandu, Tz::Africa__Casablanca, Tz::America__Havana,
        ]),
        start in 1_700_000_000_i64..1_900_000_000,
    ) {
        let schedule = Schedule::parse(phrase).unwrap();
        let start = DateTime::from_timestamp(start, 0).unwrap();
        let mut after = start;
        for _ in 0..4 {
            let next = schedule.next_after(after, zone).unwrap();
            proptest::prop_assert!(next > after);
            // Nothing lies in between: asking from just before gives the same time.
            let again = schedule.next_after(next - Duration::seconds(1), zone).unwrap();
            proptest::prop_assert_eq!(again, next);
            after = next;
        }
        let normal = Schedule::parse(&phrase.to_uppercase()).unwrap();
        proptest::prop_assert_eq!(
            normal.next_after(start, zone),
            schedule.next_after(start, zone)
        );
    }

    #[test]
    fn texts_and_cron_agree_in_every_zone(
        (phrase, cron) in proptest::sample::select(vec![
            ("at 02:30", "30 2 * * *"),
            ("at 00:00", "0 0 * * *"),
            ("at 01:45 every weekday", "45 1 * * 1-5"),
            ("every 15 minutes", "*/15 * * * *"),
            ("every 1 hour", "0 * * * *"),
        ]),
        zone in proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
        start in 1_700_000_000_i64..1_900_000_000,
        nanos in 0_u32..1_000_000_000,
    ) {
        let (phrase, cron) = (Schedule::parse(phrase).unwrap(), Schedule::parse(cron).unwrap());
        let mut after = DateTime::from_timestamp(start, nanos).unwrap();
        for _ in 0..10 {
            let next = phrase.next_after(after, zone);
            proptest::prop_assert_eq!(next, cron.next_after(after, zone), "after {} in {}", after, zone);
            after = next.unwrap();
            proptest::prop_assert_eq!(after.timestamp_subsec_nanos(), 0);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z0-9:,@* -]{0,40}") {
        let _ = Schedule::parse(&text);
    }

    #[test]
    fn no_words_make_the_parser_panic(words in proptest::collection::vec(proptest::sample::select(vec![
        "every", "1", "90", "0", "32nd", "hour", "hours", "days", "of", "the", "on", "at", "08:00", "12:30 pm",
        "weekday", "monday", "jan", "-", ",", "and", "also", "except", "after", "before", "last", "first",
        "day", "week", "of the month", "of the year", "in", "2027", "between", "starting", "month",
    ]), 0..8)) {
        if let Ok(schedule) = Schedule::parse(&words.join(" ")) {
            let _ = schedule.next_after(time("2026-03-28T12:00:00Z"), Tz::Europe__Berlin);
        }
    }
}
