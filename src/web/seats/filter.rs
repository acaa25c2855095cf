//! The filter bar: `type:analyzer dir:CORP idle:>60 why:tag anna`.

use crate::license::SeatType;
use crate::store::{SeatFilter, SeatState};

/// No seat has been idle for longer.
const MOST_DAYS: i64 = 36_500;

/// Words beyond these are not looked for.
const MOST: usize = 20;

/// What a filter means, and what of it can't be understood.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) filter: SeatFilter,
    /// What the last plan decided.
    pub(super) why: Option<&'static str>,
    /// Custom properties, each with the value that is meant.
    pub(super) properties: Vec<(String, String)>,
    /// Each says what to write instead.
    pub(super) wrong: Vec<String>,
}

impl Wanted {
    /// `names`: whether people may be looked for; `department`: the property that `dept:` is.
    pub(super) fn of(text: &str, names: bool, department: Option<&str>) -> Self {
        let mut wanted = Self::default();
        let all = parts(text);
        if all.len() > MOST {
            wanted.wrong.push(format!("at most {MOST} words are looked for"));
        }
        for part in all.iter().take(MOST) {
            if let Err(wrong) = wanted.take(part, names, department) {
                wanted.wrong.push(wrong);
            }
        }
        wanted
    }

    fn take(&mut self, part: &str, names: bool, department: Option<&str>) -> Result<(), String> {
        let Some((field, value)) = part.split_once(':') else { return self.word(part, names) };
        match field.to_ascii_lowercase().as_str() {
            "type" => self.filter.seat_type = Some(seat_type(value)?),
            "dir" => self.filter.directory = Some(some("dir", value, "dir:CORP")?),
            "idle" if value.eq_ignore_ascii_case("never") => self.filter.never_used = true,
            "idle" => self.filter.idle = Some(days(value)?),
            "state" => self.filter.state = Some(state(value)?),
            "why" => self.why = Some(why(value)?),
            "prop" => self.properties.push(property(value)?),
            "dept" => {
                let name = department.ok_or(
                    "dept: no property is named as the department \
                     (Butler.qlikSenseLicense.seatMonitor.breakdownBy); write prop:NAME=VALUE",
                )?;
                self.properties.push((name.to_owned(), some("dept", value, "dept:Sales")?));
            }
            other => {
                return Err(format!(
                    "{other}: is no word of the filter; write type:, dir:, dept:, prop:, idle:, state: or why:, or a \
                     part of a name without a colon"
                ));
            }
        }
        Ok(())
    }

    fn word(&mut self, word: &str, names: bool) -> Result<(), String> {
        if !names {
            return Err(format!(
                "{word:?}: people are not named here, so they can't be looked for by name \
                 (Butler.web.showNames); write type:, dir:, dept:, prop:, idle:, state: or why:"
            ));
        }
        self.filter.words.push(word.to_lowercase());
        Ok(())
    }
}

/// Words between blanks; quotes keep blanks together.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    parts
}

fn some(field: &str, value: &str, example: &str) -> Result<String, String> {
    match value {
        "" => Err(format!("{field}: has no value; write {example}")),
        value => Ok(value.to_owned()),
    }
}

/// `NAME=VALUE`; the first `=` parts them.
fn property(value: &str) -> Result<(String, String), String> {
    let parts = value.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
    match parts.filter(|(name, value)| !name.is_empty() && !value.is_empty()) {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(format!("prop:{value} is no property and value; write prop:Department=Sales")),
    }
}

fn seat_type(value: &str) -> Result<SeatType, String> {
    let of = SeatType::ALL.into_iter().find(|of| of.as_str().eq_ignore_ascii_case(value));
    let names = SeatType::ALL.map(SeatType::as_str).join(", ");
    of.ok_or_else(|| format!("type:{value} is none; write one of {names}"))
}

fn state(value: &str) -> Result<SeatState, String> {
    match value.to_ascii_lowercase().as_str() {
        "quarantined" => Ok(SeatState::Quarantined),
        "excess" => Ok(SeatState::Excess),
        "deleted" => Ok(SeatState::WithoutUser),
        "allocated" => Ok(SeatState::Allocated),
        _ => Err(format!(
            "state:{value} is none; write one of quarantined, excess, deleted, allocated"
        )),
    }
}

fn why(value: &str) -> Result<&'static str, String> {
    let words = super::super::plan::words();
    let found = words.iter().copied().find(|word| word.eq_ignore_ascii_case(value));
    found.ok_or_else(|| format!("why:{value} is none; write one of {}", words.join(", ")))
}

/// `>60`, `>=60`, `<30`, `<=30`, `60`, `30..60`: both ends included.
fn days(value: &str) -> Result<(i64, i64), String> {
    let wrong = || {
        format!(
            "idle:{value} is no number of days; write idle:>60, idle:>=60, idle:<30, idle:30..60 or idle:never"
        )
    };
    let number = |text: &str| match text.trim().parse::<i64>() {
        Ok(days) if (0..=MOST_DAYS).contains(&days) => Ok(days),
        _ => Err(wrong()),
    };
    if let Some((from, to)) = value.split_once("..") {
        return Ok((number(from)?, number(to)?));
    }
    Ok(match value {
        _ if value.starts_with(">=") => (number(&value[2..])?, i64::MAX),
        _ if value.starts_with('>') => (number(&value[1..])? + 1, i64::MAX),
        _ if value.starts_with("<=") => (i64::MIN, number(&value[2..])?),
        _ if value.starts_with('<') => (i64::MIN, number(&value[1..])? - 1),
        _ => (number(value)?, number(value)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_understood() {
        let wanted = Wanted::of(
            "TYPE:Analyzer dir:\"My Dir\" idle:>60 why:tag Anna state:excess",
            true,
            None,
        );
        assert_eq!(wanted.wrong, [""; 0]);
        assert_eq!(wanted.filter.seat_type, Some(SeatType::Analyzer));
        assert_eq!(wanted.filter.directory.as_deref(), Some("My Dir"));
        assert_eq!(wanted.filter.idle, Some((61, i64::MAX)));
        assert_eq!((wanted.why, wanted.filter.words), (Some("tag"), vec!["anna".to_owned()]));
        assert_eq!(wanted.filter.state, Some(SeatState::Excess));
        for (text, range) in [
            (">=60", (60, i64::MAX)),
            ("<30", (i64::MIN, 29)),
            ("<=30", (i64::MIN, 30)),
            ("30..60", (30, 60)),
            ("7", (7, 7)),
        ] {
            assert_eq!(days(text), Ok(range), "{text}");
        }
        assert!(Wanted::of("idle:never", true, None).filter.never_used);
        assert_eq!(Wanted::of("  ", true, None).wrong, [""; 0]);
    }

    #[test]
    fn a_department_is_the_property_that_the_settings_name() {
        let wanted = Wanted::of("dept:Sales prop:\"Cost Center=a = b\"", true, Some("Unit"));
        assert_eq!(wanted.wrong, [""; 0]);
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(wanted.properties, [of("Unit", "Sales"), of("Cost Center", "a = b")]);
    }

    #[test]
    fn a_wrong_word_says_what_to_write() {
        for (text, said) in [
            ("team:Sales", "team: is no word of the filter; write type:, dir:, dept:, prop:"),
            ("dept:Sales", "seatMonitor.breakdownBy); write prop:NAME=VALUE"),
            ("prop:Sales", "prop:Sales is no property and value; write prop:Department=Sales"),
            ("prop:=x", "prop:=x is no property and value"),
            ("type:basic", "type:basic is none; write one of professional, analyzer, user"),
            ("idle:soon", "idle:soon is no number of days; write idle:>60"),
            ("idle:>99999999", "is no number of days"),
            ("idle:-5", "is no number of days"),
            ("why:luck", "why:luck is none; write one of release, announce, "),
            (
                "state:odd",
                "state:odd is none; write one of quarantined, excess, deleted, allocated",
            ),
            ("dir:", "dir: has no value; write dir:CORP"),
        ] {
            let wrong = Wanted::of(text, true, None).wrong;
            assert!(wrong.len() == 1 && wrong[0].contains(said), "{text}: {wrong:?}");
        }
        let many = "a ".repeat(21);
        assert_eq!(Wanted::of(&many, true, None).wrong, ["at most 20 words are looked for"]);
    }

    #[test]
    fn nobody_is_found_by_name_where_names_are_hidden() {
        let wanted = Wanted::of("anna type:analyzer", false, None);
        assert!(wanted.filter.words.is_empty() && wanted.wrong[0].contains("showNames"));
    }
}
