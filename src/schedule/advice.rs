//! What to write instead of a schedule text that can't be read.

use super::text::{parse, vocabulary};

/// The nearest text that can be read and does what it says, where one is near.
pub(super) fn suggest(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let mut words: Vec<String> = lower.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return None;
    }
    let fixes: [fn(&mut Vec<String>); 10] = [
        past_the_hour,
        spell,
        plain_words,
        at_sign,
        |words| count_first(words),
        lone_number,
        add_one,
        |words| clock_times(words),
        |words| day_groups(words),
        ranks,
    ];
    for fix in fixes {
        fix(&mut words);
        let candidate = words.join(" ");
        if candidate != lower && reads_well(&candidate) {
            return Some(candidate);
        }
    }
    with_seconds(&lower)
}

fn reads_well(text: &str) -> bool {
    parse(text).is_ok_and(|parsed| super::misleading(&parsed).is_none())
}

/// `at 08:00:30` is beyond the texts, but not beyond cron.
fn with_seconds(text: &str) -> Option<String> {
    let mut parts = text.strip_prefix("at ")?.trim().split(':').map(|p| p.parse::<u32>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    valid.then(|| format!("{second} {minute} {hour} * * *"))
}

const UNITS: [&str; 7] = ["second", "minute", "hour", "day", "week", "month", "year"];

fn is_unit(word: &str) -> bool {
    UNITS.contains(&word.strip_suffix('s').unwrap_or(word))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// A word that is a letter or two off.
fn spell(words: &mut Vec<String>) {
    for word in words {
        let misspelt = word.len() > 3
            && word.bytes().all(|b| b.is_ascii_alphabetic())
            && !vocabulary().any(|w| w == word)
            && !["noon", "midnight", "daily", "hourly", "weekly", "monthly"]
                .contains(&word.as_str());
        if !misspelt {
            continue;
        }
        let nearest = vocabulary().map(|w| (strsim::damerau_levenshtein(w, word), w)).min();
        if let Some((0..=2, right)) = nearest {
            right.clone_into(word);
        }
    }
}

fn plain_words(words: &mut Vec<String>) {
    let replace = |word: &str| -> String {
        match word {
            "hourly" => "every 1 hour",
            "daily" => "every 1 day",
            "weekly" => "every 1 week",
            "monthly" => "every 1 month",
            "noon" => "12:00",
            "midnight" => "00:00",
            "sep" => "sept",
            "jun" => "june",
            "jul" => "july",
            _ => word,
        }
        .to_owned()
    };
    let lists = words.iter().map(|w| w.split(',').map(replace).collect::<Vec<_>>().join(","));
    let text = lists.collect::<Vec<_>>().join(" ");
    *words = text.split(' ').map(str::to_owned).collect();
}

fn at_sign(words: &mut Vec<String>) {
    if let Some(rest) = words[0].strip_prefix('@') {
        let rest = rest.to_owned();
        words[0] = "at".to_owned();
        if !rest.is_empty() {
            words.insert(1, rest);
        }
    }
}

/// `at 15 minutes past every hour`, `15 past the hour`.
fn past_the_hour(words: &mut Vec<String>) {
    let Some(past) = words.iter().position(|word| word == "past") else { return };
    let (before, after) = (&words[..past], &words[past + 1..]);
    let number = before.iter().find(|word| is_number(word));
    let number = number.map(String::as_str).or(match before.last().map(String::as_str) {
        Some("quarter") => Some("15"),
        Some("half") => Some("30"),
        _ => None,
    });
    let hour = matches!(after, [.., hour] if hour == "hour" || hour == "hours");
    if let Some(number) = number.filter(|_| hour && after.len() <= 2) {
        *words = ["on", "the", number, "minute"].map(str::to_owned).into();
    }
}

/// `every hours 6`.
fn count_first(words: &mut [String]) {
    for i in 0..words.len().saturating_sub(2) {
        if words[i] == "every" && is_unit(&words[i + 1]) && is_number(&words[i + 2]) {
            words.swap(i + 1, i + 2);
        }
    }
}

/// `6 hours`, `every 6`.
fn lone_number(words: &mut Vec<String>) {
    if is_number(&words[0]) && words.get(1).is_some_and(|w| is_unit(w)) {
        words.insert(0, "every".to_owned());
    }
    if words.len() == 2 && words[0] == "every" && is_number(&words[1]) {
        words.push("hours".to_owned());
    }
}

/// `every hour`.
fn add_one(words: &mut Vec<String>) {
    for i in (0..words.len().saturating_sub(1)).rev() {
        if words[i] == "every" && is_unit(&words[i + 1]) {
            words.insert(i + 1, "1".to_owned());
        }
    }
}

/// `at 8`, `at 24:00`.
fn clock_times(words: &mut [String]) {
    for i in 1..words.len() {
        let is_time = words[i - 1] == "at" || (words[i - 1] == "and" && words[i].len() <= 2);
        let word = &mut words[i];
        if is_time && is_number(word) && word.parse::<u32>().is_ok_and(|h| h < 24) {
            *word = format!("{word:0>2}:00");
        } else if word == "24:00" {
            "00:00".clone_into(word);
        }
    }
}

/// `on weekday`, `every monday`.
fn day_groups(words: &mut [String]) {
    for i in 0..words.len().saturating_sub(1) {
        let group = ["weekday", "weekend"].contains(&words[i + 1].as_str());
        let day = words[i + 1].ends_with("day") && parse(&format!("on {}", words[i + 1])).is_ok();
        if words[i] == "on" && group {
            "every".clone_into(&mut words[i]);
        } else if words[i] == "every" && day {
            "on".clone_into(&mut words[i]);
        }
    }
}

/// `starting at the 3rd hour`, `between the 10th and 30th minute`.
fn ranks(words: &mut Vec<String>) {
    for i in 1..words.len().saturating_sub(1) {
        if words[i - 1] == "starting" && words[i] == "at" && words[i + 1] == "the" {
            "on".clone_into(&mut words[i]);
        }
    }
    if words.iter().any(|w| w == "between") && words.last().is_some_and(|w| is_unit(w)) {
        words.pop();
    }
}
