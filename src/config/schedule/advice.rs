//! What to write instead of a schedule text that can't be read.

use super::text::{parse, vocabulary};

/// The nearest text that can be read, where one is near.
pub(super) fn suggest(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let mut words: Vec<String> = lower.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return None;
    }
    let fixes: [fn(&mut Vec<String>); 8] =
        [spell, plain_words, at_sign, count_first, lone_number, add_one, clock_times, day_groups];
    for fix in fixes {
        fix(&mut words);
        let candidate = words.join(" ");
        if candidate != lower && parse(&candidate).is_ok() {
            return Some(candidate);
        }
    }
    None
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
        if let Some((distance, right)) = nearest.filter(|(d, _)| *d <= 2) {
            let _ = distance;
            right.clone_into(word);
        }
    }
}

fn plain_words(words: &mut Vec<String>) {
    let replace = |word: &str| match word {
        "hourly" => Some("every 1 hour"),
        "daily" => Some("every 1 day"),
        "weekly" => Some("every 1 week"),
        "monthly" => Some("every 1 month"),
        "noon" => Some("12:00"),
        "midnight" => Some("00:00"),
        "sep" => Some("sept"),
        "jun" => Some("june"),
        "jul" => Some("july"),
        _ => None,
    };
    let text: Vec<String> =
        words.iter().map(|w| replace(w).unwrap_or(w.as_str()).to_owned()).collect();
    *words = text.join(" ").split(' ').map(str::to_owned).collect();
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

/// `every hours 6`.
fn count_first(words: &mut Vec<String>) {
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

/// `at 8`, `at 24:00`, `at 08:00:00`.
fn clock_times(words: &mut Vec<String>) {
    for word in words {
        if is_number(word) && word.len() <= 2 && word.parse::<u32>().is_ok_and(|h| h < 24) {
            let follows_every = false;
            if !follows_every {
                let candidate = format!("{word:0>2}:00");
                *word = candidate;
            }
        } else if word == "24:00" {
            "00:00".clone_into(word);
        }
    }
}

/// `on weekday`.
fn day_groups(words: &mut Vec<String>) {
    for i in 0..words.len().saturating_sub(1) {
        if words[i] == "on" && ["weekday", "weekend"].contains(&words[i + 1].as_str()) {
            "every".clone_into(&mut words[i]);
        }
    }
}
