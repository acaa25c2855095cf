use crate::policy::calendar::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn freeze(from: &str, to: &str) -> Freeze {
    let day = |text| Day::parse(text).unwrap();
    Freeze { from: day(from), to: day(to), why: "year end".into() }
}

fn stockholm(freeze: Vec<Freeze>, hours: &[(&[&str], &str, &str)]) -> Calendar {
    let hours = hours.iter().map(|(days, from, to)| Hours {
        days: days.iter().flat_map(|day| days_of(day).unwrap()).copied().collect(),
        from: minutes_of(from).unwrap(),
        to: minutes_of(to).unwrap(),
    });
    Calendar { time_zone: Tz::Europe__Stockholm, freeze, allowed_hours: hours.collect() }
}

#[test]
fn a_freeze_holds_on_both_its_days_in_the_time_zone() {
    for (from, to) in [("2026-12-15", "2027-01-10"), ("12-15", "01-10")] {
        let calendar = stockholm(vec![freeze(from, to)], &[]);
        for (time, holds) in [
            ("2026-12-14T22:59:59Z", false),
            ("2026-12-14T23:00:00Z", true),
            ("2026-12-31T23:30:00Z", true),
            ("2027-01-10T22:59:59Z", true),
            ("2027-01-10T23:00:00Z", false),
            ("2026-06-01T12:00:00Z", false),
        ] {
            let closed = calendar.closed(at(time));
            assert_eq!(closed.is_some(), holds, "{from} to {to} at {time}");
            if let Some(closed) = closed {
                assert_eq!(closed.to_string(), "frozen through 2027-01-10: year end");
            }
        }
        let next_year = calendar.closed(at("2027-12-20T12:00:00Z")).is_some();
        assert_eq!(next_year, from == "12-15");
    }
}

#[test]
fn the_next_freeze_is_the_one_that_begins_next() {
    let calendar =
        stockholm(vec![freeze("06-01", "06-03"), freeze("2026-12-15", "2027-01-10")], &[]);
    let next = |time| {
        let (first, last, _) = calendar.next_freeze(at(time))?;
        Some(format!("{first} {}", last.unwrap()))
    };
    for (time, expected) in [
        ("2026-05-01T12:00:00Z", "2026-06-01 2026-06-03"),
        ("2026-06-02T12:00:00Z", "2026-12-15 2027-01-10"),
        ("2026-12-14T22:59:00Z", "2026-12-15 2027-01-10"),
        ("2026-12-15T12:00:00Z", "2027-06-01 2027-06-03"),
    ] {
        assert_eq!(next(time).as_deref(), Some(expected), "{time}");
    }
    assert_eq!(stockholm(Vec::new(), &[]).next_freeze(at("2026-05-01T12:00:00Z")), None);
}

#[test]
fn the_29th_of_february_is_the_end_of_february_in_other_years() {
    for (from, to, day, holds) in [
        ("02-29", "03-02", "2028-02-28", false),
        ("02-29", "03-02", "2028-02-29", true),
        ("02-29", "03-02", "2027-02-28", false),
        ("02-29", "03-02", "2027-03-01", true),
        ("02-25", "02-29", "2027-02-28", true),
        ("02-25", "02-29", "2027-03-01", false),
        ("02-25", "02-29", "2028-02-29", true),
        ("02-29", "02-29", "2028-02-29", true),
        ("02-29", "02-29", "2027-02-28", false),
        ("02-29", "02-28", "2027-06-01", true),
    ] {
        let holds_now = freeze(from, to).holds_on(day.parse().unwrap());
        assert_eq!(holds_now, holds, "{from} to {to} on {day}");
    }
}

#[test]
fn freezes_that_follow_one_another_are_one() {
    let windows = vec![freeze("2026-12-15", "2026-12-31"), freeze("01-01", "01-06")];
    let calendar = stockholm(windows, &[]);
    let closed = calendar.closed(at("2026-12-20T12:00:00Z")).unwrap();
    assert_eq!(closed.to_string(), "frozen through 2027-01-06: year end");
    let always = stockholm(vec![freeze("01-01", "12-31")], &[]);
    let closed = always.closed(at("2026-12-20T12:00:00Z")).unwrap();
    assert_eq!(closed.to_string(), "frozen without an end: year end");
}

#[test]
fn hours_over_midnight_belong_to_the_day_they_begin_on() {
    let calendar = stockholm(Vec::new(), &[(&["fri"], "22:00", "04:00")]);
    // 2026-11-27 is a Friday; Stockholm is an hour ahead.
    for (time, open) in [
        ("2026-11-27T20:59:59Z", false),
        ("2026-11-27T21:00:00Z", true),
        ("2026-11-28T02:59:59Z", true),
        ("2026-11-28T03:00:00Z", false),
        ("2026-11-28T21:30:00Z", false),
        ("2026-11-27T01:00:00Z", false),
    ] {
        assert_eq!(calendar.in_hours(at(time)), open, "{time}");
    }
    let closed = calendar.closed(at("2026-11-28T03:00:00Z")).unwrap();
    assert_eq!(
        closed.to_string(),
        "outside the allowed hours (fri 22:00-04:00), which begin Fri 2026-12-04 22:00 CET"
    );
    let all_day = stockholm(Vec::new(), &[(&[], "00:00", "24:00")]);
    assert!(all_day.in_hours(at("2026-11-28T03:00:00Z")));
}

#[test]
fn hours_hold_when_the_clocks_change() {
    // 2027-03-28: 02:00 is skipped. 2027-10-31: 02:00 to 03:00 comes twice.
    for (from, to, time, open) in [
        ("01:00", "03:30", "2027-03-28T00:00:00Z", true),
        ("01:00", "03:30", "2027-03-28T01:29:59Z", true),
        ("01:00", "03:30", "2027-03-28T01:30:00Z", false),
        // Both ends are skipped: no time at all.
        ("02:15", "02:45", "2027-03-28T01:00:00Z", false),
        ("02:15", "04:00", "2027-03-28T01:00:00Z", true),
        ("02:15", "04:00", "2027-03-28T00:59:59Z", false),
        ("01:00", "02:30", "2027-10-31T00:29:59Z", true),
        // The second half past two comes an hour later, and the hours are over by then.
        ("01:00", "02:30", "2027-10-31T00:30:00Z", false),
        ("01:00", "02:30", "2027-10-31T01:15:00Z", false),
        ("02:30", "03:30", "2027-10-31T00:30:00Z", true),
        ("02:30", "03:30", "2027-10-31T01:10:00Z", true),
        ("02:30", "03:30", "2027-10-31T02:29:59Z", true),
        ("02:30", "03:30", "2027-10-31T02:30:00Z", false),
    ] {
        let calendar = stockholm(Vec::new(), &[(&[], from, to)]);
        assert_eq!(calendar.in_hours(at(time)), open, "{from} to {to} at {time}");
    }
    // The day without these hours is passed over.
    let calendar = stockholm(Vec::new(), &[(&["sun"], "02:15", "02:45")]);
    assert_eq!(calendar.opens(at("2027-03-27T12:00:00Z")), Some(at("2027-04-04T00:15:00Z")));
}

#[test]
fn the_next_time_in_the_hours_is_found_however_many_lie_outside() {
    let calendar = stockholm(Vec::new(), &[(&["weekdays"], "22:00", "23:00")]);
    let each_second = |after: DateTime<Utc>| Some(after + TimeDelta::seconds(1));
    let found = calendar.first_in_hours(each_second, at("2026-11-27T22:00:00Z"));
    assert_eq!(found, Some(at("2026-11-30T21:00:00.999Z")));
    let daily = |after: DateTime<Utc>| {
        let next = after + TimeDelta::days(1);
        Some(next.date_naive().and_time(NaiveTime::MIN).and_utc())
    };
    assert_eq!(calendar.first_in_hours(daily, at("2026-11-27T22:00:00Z")), None);
}

#[test]
fn days_and_times_as_they_are_written() {
    for (text, good) in [
        ("2026-12-15", true),
        (" 12-15 ", true),
        ("02-29", true),
        ("2026-02-29", false),
        ("02-30", false),
        ("13-01", false),
        ("15.12.", false),
        ("12-1", false),
        ("", false),
        ("soon", false),
    ] {
        assert_eq!(Day::parse(text).is_ok(), good, "{text}");
    }
    for (text, minutes) in [
        ("05:30", Some(330)),
        ("5:30", Some(330)),
        ("24:00", Some(1440)),
        ("24:01", None),
        ("12:60", None),
        ("12:5", None),
        ("12", None),
        ("+1:00", None),
        (":30", None),
    ] {
        assert_eq!(minutes_of(text).map(|minute| minute.0), minutes, "{text}");
    }
    let names = ["mon", "Tuesday", "WEEKDAYS", "weekend"];
    assert_eq!(names.map(|name| days_of(name).map_or(0, <[_]>::len)), [1, 1, 5, 2]);
    assert_eq!(days_of("monnday"), None);
}

#[test]
fn a_calendar_survives_json() {
    let calendar = stockholm(
        vec![freeze("12-15", "01-10"), freeze("2026-06-01", "2026-06-30")],
        &[
            (&["weekdays"], "20:00", "06:00"),
            (&[], "00:00", "24:00"),
            (&["sat", "mon"], "1:00", "2:00"),
        ],
    );
    let json = serde_json::to_string(&calendar).unwrap();
    assert_eq!(serde_json::from_str::<Calendar>(&json).unwrap(), calendar);
    assert_eq!(
        calendar.hours_text(),
        "weekdays 20:00-06:00; every day 00:00-24:00; mon, sat 01:00-02:00"
    );
    assert_eq!(serde_json::from_str::<Calendar>("{}").unwrap(), Calendar::default());
}
