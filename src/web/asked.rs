//! What an address asks for beyond its path. Everything has a bound, and what can't be understood is told.

use chrono::NaiveDate;

use super::answer::Failure;
use crate::plain::shortened;

/// Bytes of all parameters together; the head of a request may have more.
const MOST: usize = 2000;

/// The parameters of an address.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<(String, String)>);

impl Asked {
    pub(super) fn of(query: Option<&str>) -> Result<Self, Failure> {
        let query = query.unwrap_or_default();
        if query.len() > MOST {
            let text =
                format!("The address asks for too much: at most {MOST} characters are read.");
            return Err(Failure::Wrong(text));
        }
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    /// The first of that name; `None` when it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(of, _)| of == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// Numbers from 1 on, in order and each once: `12,36`. Those of whoever names none.
    pub(super) fn numbers<T>(
        &self,
        name: &str,
        default: &[T],
        most: T,
        most_of_them: usize,
    ) -> Result<Vec<T>, Failure>
    where
        T: Copy + Ord + From<u8> + std::str::FromStr + std::fmt::Display,
    {
        let Some(text) = self.get(name) else { return Ok(default.to_vec()) };
        let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
        let number =
            |part: &str| part.parse::<T>().ok().filter(|n| (T::from(1)..=most).contains(n));
        let numbers: Option<Vec<T>> = parts.take(most_of_them + 1).map(number).collect();
        let wrong = || {
            Failure::Wrong(format!(
                "{name}: write numbers from 1 to {most} with commas, {most_of_them} at most, not {text:?}."
            ))
        };
        let mut numbers = numbers.ok_or_else(wrong)?;
        if numbers.is_empty() || numbers.len() > most_of_them {
            return Err(wrong());
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// How many rows are gone past; none where nothing is asked.
    pub(super) fn place(&self, name: &str) -> Result<usize, Failure> {
        let Some(text) = self.get(name) else { return Ok(0) };
        let wrong = || Failure::Wrong(format!("{name}: write a number of rows, not {text:?}."));
        text.parse::<u32>().map(|rows| rows as usize).map_err(|_| wrong())
    }

    /// Refuses what has another name than these: a misspelt filter would show all. A parameter without a value is one
    /// that somebody forgot to fill in, but for words to look for.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Failure> {
        for (name, value) in &self.0 {
            if !names.contains(&name.as_str()) {
                let known = match names {
                    [] => "nothing can be asked here".to_owned(),
                    names => format!("write one of {}", names.join(", ")),
                };
                let name = shortened(name, 100);
                return Err(Failure::Wrong(format!("{name}: is no parameter; {known}.")));
            }
            if value.trim().is_empty() && name != "q" {
                return Err(Failure::Wrong(format!("{name}: write a value, or leave it out.")));
            }
        }
        Ok(())
    }

    /// A whole number between two, both included.
    pub(super) fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Failure> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let wrong = || {
            let text = shortened(text, 100);
            Failure::Wrong(format!(
                "{name}: write a whole number from {least} to {most}, not {text:?}."
            ))
        };
        number.map(Some).ok_or_else(wrong)
    }

    pub(super) fn day(&self, name: &str) -> Result<Option<NaiveDate>, Failure> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = || Failure::Wrong(format!("{name}: write a day as 2026-11-24, not {text:?}."));
        let day: NaiveDate = text.parse().map_err(|_| wrong())?;
        // Of a day beyond these nothing is known anyway.
        let years = 1970..=2200;
        match years.contains(&chrono::Datelike::year(&day)) {
            true => Ok(Some(day)),
            false => Err(Failure::Wrong(format!("{name}: write a day from 1970 to 2200."))),
        }
    }
}

/// Parameters as text, in this order; those without a value are left out.
pub(super) fn written(pairs: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        out.append_pair(name, value);
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_bounded_and_understood_or_refused() {
        let asked = Asked::of(Some("q=a+b%26c&q=d&from=2026-11-24&empty=&to=yesterday")).unwrap();
        assert_eq!(asked.get("q"), Some("a b&c"));
        assert_eq!((asked.get("empty"), asked.get("none")), (None, None));
        let day = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        assert_eq!(asked.day("from").unwrap(), Some(day));
        for wrong in [asked.day("to"), Asked::of(Some("d=9999-01-01")).unwrap().day("d")] {
            assert!(matches!(wrong, Err(Failure::Wrong(text)) if text.contains("write a day")));
        }
        let refused = |text: &str| match Asked::of(Some(text)).unwrap().only(&["q", "from"]) {
            Ok(()) => String::new(),
            Err(Failure::Wrong(text)) => text,
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(refused("q=&from=x"), "");
        assert_eq!(refused("q=a&from=+"), "from: write a value, or leave it out.");
        assert_eq!(refused("form=x"), "form: is no parameter; write one of q, from.");
        let number = |text| Asked::of(Some(text)).unwrap().number("n", 1, 10);
        assert_eq!((number("n=10").unwrap(), number("").unwrap()), (Some(10), None));
        assert!(
            ["n=0", "n=11", "n=-1", "n=x", "n=99999999999"].iter().all(|of| number(of).is_err())
        );
        assert!(Asked::of(Some(&"x".repeat(2001))).is_err());
        let of = |text: &str| Asked::of(Some(text)).unwrap().numbers::<u8>("risk", &[5], 50, 3);
        assert_eq!(of("").unwrap(), [5]);
        assert_eq!(of("risk=20,+5,20").unwrap(), [5, 20]);
        for wrong in ["risk=0", "risk=51", "risk=1,2,3,4", "risk=x", "risk=,", "risk=300"] {
            let said =
                matches!(of(wrong), Err(Failure::Wrong(text)) if text.contains("from 1 to 50"));
            assert!(said, "{wrong}");
        }
        assert_eq!(written(&[("q", "a b&c"), ("sort", ""), ("after", "1")]), "q=a+b%26c&after=1");
    }
}
