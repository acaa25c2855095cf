//! Butler's schedule texts: the grammar of later.js, read into a [`Grid`].

use super::grid::{Constraint, Grid, Rule, Test, Unit};

/// Where reading stopped, and what would have been right there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    /// Byte offset into the trimmed lower-case text.
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

const DAYS: [&[&str]; 7] = [
    &["sun", "sunday"],
    &["mon", "monday"],
    &["tue", "tues", "tuesday"],
    &["wed", "wednes", "wednesday"],
    &["thu", "thur", "thurs", "thursday"],
    &["fri", "friday"],
    &["sat", "satur", "saturday"],
];

const MONTHS: [&[&str]; 12] = [
    &["jan", "january"],
    &["feb", "february"],
    &["mar", "march"],
    &["apr", "april"],
    &["may"],
    &["june"],
    &["july"],
    &["aug", "august"],
    &["oct", "october"],
    &["sept", "september"],
    &["nov", "november"],
    &["dec", "december"],
];
/// Number of the month at the same place of [`MONTHS`].
const MONTH_NUMBERS: [u32; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 9, 11, 12];

/// Words of a unit; the longest that fits is taken.
const UNITS: [(Unit, &[&str]); 11] = [
    (Unit::Second, &["s", "sec", "secs", "second", "seconds"]),
    (Unit::Minute, &["m", "min", "mins", "minute", "minutes"]),
    (Unit::Hour, &["h", "hour", "hours"]),
    (Unit::DayInstance, &["day instance"]),
    (Unit::DayOfWeek, &["day of the week", "days of the week"]),
    (Unit::DayOfYear, &["day of the year", "days of the year"]),
    (Unit::Day, &["day", "days", "day of the month", "days of the month"]),
    (Unit::WeekOfMonth, &["week of the month", "weeks of the month"]),
    (Unit::WeekOfYear, &["week", "weeks", "week of the year", "weeks of the year"]),
    (Unit::Month, &["month", "months"]),
    (Unit::Year, &["year", "years"]),
];

/// Every word the grammar knows, for the nearest one to a misspelling.
pub(super) fn vocabulary() -> impl Iterator<Item = &'static str> {
    let units = UNITS.iter().flat_map(|(_, words)| words.iter().copied());
    let words = [
        "every", "after", "before", "on", "the", "of", "in", "at", "and", "except", "also",
        "first", "last", "weekday", "weekend", "between", "starting", "through",
    ];
    let names = DAYS.into_iter().chain(MONTHS).flatten().copied();
    units.filter(|w| w.len() > 2 && !w.contains(' ')).chain(words).chain(names)
}

/// What one `every N ...` asked for, for the remarks on surprising steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) count: u32,
    pub(super) unit: Unit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) grid: Grid,
    pub(super) steps: Vec<Step>,
    /// Ranks that name nothing: `on the 32nd day`.
    pub(super) outside: Vec<(Unit, u32)>,
}

pub(super) fn parse(text: &str) -> Result<Parsed, Stop> {
    let lower = text.trim().to_ascii_lowercase();
    let mut reader = Reader {
        text: &lower,
        pos: 0,
        parsed: Parsed {
            grid: Grid { rules: vec![Rule::default()], exceptions: Vec::new() },
            steps: Vec::new(),
            outside: Vec::new(),
        },
        excepting: false,
    };
    reader.schedule()?;
    let mut parsed = reader.parsed;
    for rule in parsed.grid.rules.iter_mut().chain(&mut parsed.grid.exceptions) {
        if rule.constraints.is_empty() {
            return Err(Stop { at: lower.len(), expected: "a time" });
        }
        rule.constraints.sort_by_key(|c| c.unit);
    }
    Ok(parsed)
}

struct Reader<'a> {
    text: &'a str,
    pos: usize,
    parsed: Parsed,
    excepting: bool,
}

impl Reader<'_> {
    fn schedule(&mut self) -> Result<(), Stop> {
        if self.rest().is_empty() {
            return Err(self.stop("a schedule"));
        }
        while !self.rest().is_empty() {
            let expected = "a word such as every, at, on, after, before, of, in, also or except";
            if self.word("every") {
                self.every()?;
            } else if self.word("after") {
                self.limit(Test::After)?;
            } else if self.word("before") {
                self.limit(Test::Before)?;
            } else if self.words("on the") {
                self.on_the()?;
            } else if self.word("on") {
                let days = self.list(|r| r.name(&DAYS).map(|i| i as u32 + 1), "a day's name")?;
                self.add(Unit::DayOfWeek, Test::In(days));
            } else if self.word("of") {
                let month = |r: &mut Self| r.name(&MONTHS).map(|i| MONTH_NUMBERS[i]);
                let months = self.list(month, "a month's name")?;
                self.add(Unit::Month, Test::In(months));
            } else if self.word("in") {
                let years = self.list(Self::year, "a year")?;
                self.add(Unit::Year, Test::In(years));
            } else if self.word("at") {
                let mut times = vec![self.time()?];
                while self.and() {
                    times.push(self.time()?);
                }
                self.add(Unit::Time, Test::In(times));
            } else if self.word("also") {
                let list = self.target();
                list.push(Rule::default());
            } else if self.word("except") {
                self.excepting = true;
                self.parsed.grid.exceptions.push(Rule::default());
            } else if !self.and() {
                return Err(self.stop(expected));
            }
        }
        Ok(())
    }

    fn every(&mut self) -> Result<(), Stop> {
        if self.word("weekend") {
            self.add(Unit::DayOfWeek, Test::In(vec![1, 7]));
            return Ok(());
        }
        if self.word("weekday") {
            self.add(Unit::DayOfWeek, Test::In(vec![2, 3, 4, 5, 6]));
            return Ok(());
        }
        let count = self.rank().ok_or_else(|| self.stop("a number, \"weekday\" or \"weekend\""))?;
        let unit = self.unit()?;
        let (mut low, mut high) = unit.extent();
        if self.words("starting on the") || self.words("start on the") || self.starting() {
            low = self.rank().ok_or_else(|| self.stop("a number"))?;
            if self.unit()? != unit {
                return Err(self.stop("the same unit as after \"every\""));
            }
        } else if self.word("between") {
            self.word("the");
            low = self.rank().ok_or_else(|| self.stop("a number"))?;
            if self.and() {
                high = self.rank().ok_or_else(|| self.stop("a number"))?.min(high);
            }
        }
        self.parsed.steps.push(Step { count, unit });
        let values = (low..=high).step_by(count.max(1) as usize).collect();
        self.add(unit, Test::In(values));
        Ok(())
    }

    fn starting(&mut self) -> bool {
        ["starting at", "starting on", "starting", "start at", "start on", "start"]
            .into_iter()
            .any(|words| self.words(words))
    }

    fn limit(&mut self, test: fn(u32) -> Test) -> Result<(), Stop> {
        if let Ok(time) = self.time() {
            self.add(Unit::Time, test(time));
            return Ok(());
        }
        self.words("the");
        let value = self.rank().ok_or_else(|| self.stop("a time such as 08:00, or a number"))?;
        let unit = self.unit()?;
        self.add(unit, test(value));
        Ok(())
    }

    fn on_the(&mut self) -> Result<(), Stop> {
        let start = self.pos;
        let (ranks, last) = if self.word("first") {
            (vec![1], false)
        } else if self.word("last") {
            (vec![0], true)
        } else {
            (self.list(Self::rank, "\"first\", \"last\" or a number such as 15th")?, false)
        };
        let unit = self.unit()?;
        if last && !unit.has_last() {
            return Err(Stop {
                at: start,
                expected: "a number (only days and weeks have a last one)",
            });
        }
        let (low, high) = unit.extent();
        if !last {
            let outside = ranks.iter().copied().filter(|r| *r < low || *r > high);
            self.parsed.outside.extend(outside.map(|r| (unit, r)));
        }
        self.add(unit, Test::In(ranks));
        Ok(())
    }

    fn target(&mut self) -> &mut Vec<Rule> {
        if self.excepting { &mut self.parsed.grid.exceptions } else { &mut self.parsed.grid.rules }
    }

    /// Values of a unit that is named twice in one rule are put together.
    fn add(&mut self, unit: Unit, test: Test) {
        let Some(rule) = self.target().last_mut() else { return };
        if let Test::In(values) = &test {
            let known = rule.constraints.iter_mut().find_map(|c| match &mut c.test {
                Test::In(known) if c.unit == unit => Some(known),
                _ => None,
            });
            if let Some(known) = known {
                known.extend(values);
                known.sort_unstable();
                known.dedup();
                return;
            }
        }
        let test = match test {
            Test::In(mut values) => {
                values.sort_unstable();
                values.dedup();
                Test::In(values)
            }
            other => other,
        };
        rule.constraints.push(Constraint { unit, test });
    }

    /// `a`, `a and b`, `a,b`, `a-c`, `a through c`.
    fn list(
        &mut self,
        item: impl Fn(&mut Self) -> Option<u32>,
        expected: &'static str,
    ) -> Result<Vec<u32>, Stop> {
        let mut values = Vec::new();
        loop {
            let first = item(self).ok_or_else(|| self.stop(expected))?;
            let through = self.symbol("-") || self.word("to") || self.word("through");
            let end = if through { item(self).ok_or_else(|| self.stop(expected))? } else { first };
            if end < first {
                return Err(self.stop("a range that goes upwards"));
            }
            values.extend(first..=end.min(first + 1_000));
            if !self.and() {
                return Ok(values);
            }
        }
    }

    fn unit(&mut self) -> Result<Unit, Stop> {
        let mut best: Option<(Unit, usize)> = None;
        for (unit, words) in UNITS {
            for word in words {
                if let Some(end) = self.matches(word)
                    && best.is_none_or(|(_, longest)| end > longest)
                {
                    best = Some((unit, end));
                }
            }
        }
        let Some((unit, end)) = best else {
            return Err(self.stop("a unit such as minutes, hours or days"));
        };
        self.pos = end;
        Ok(unit)
    }

    fn name(&mut self, table: &[&[&str]]) -> Option<usize> {
        let (index, end) = table.iter().enumerate().find_map(|(index, words)| {
            words.iter().find_map(|word| self.matches(word)).map(|end| (index, end))
        })?;
        self.pos = end;
        Some(index)
    }

    /// A whole number, with or without `st`, `nd`, `rd`, `th`.
    fn rank(&mut self) -> Option<u32> {
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        let suffix = ["st", "nd", "rd", "th"].iter().find(|s| tail.starts_with(**s));
        let end = digits + suffix.map_or(0, |s| s.len());
        if !ends_word(&rest[end..]) || rest[end..].starts_with('.') {
            return None;
        }
        self.advance(end);
        Some(number)
    }

    fn year(&mut self) -> Option<u32> {
        let start = self.pos;
        let year = self.rank().filter(|y| (1_000..10_000).contains(y));
        if year.is_none() {
            self.pos = start;
        }
        year
    }

    /// `8:00`, `08:00`, `5:00 pm`, `12:00am`: seconds since midnight.
    fn time(&mut self) -> Result<u32, Stop> {
        let expected = "a time such as 08:00 or 5:00 pm";
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let bytes = rest.as_bytes();
        let shape = (1..=2).contains(&digits)
            && bytes.get(digits) == Some(&b':')
            && rest
                .get(digits + 1..digits + 3)
                .is_some_and(|m| m.bytes().all(|b| b.is_ascii_digit()));
        if !shape {
            return Err(self.stop(expected));
        }
        let hour: u32 = rest[..digits].parse().map_err(|_| self.stop(expected))?;
        let minute: u32 = rest[digits + 1..digits + 3].parse().map_err(|_| self.stop(expected))?;
        let mut end = digits + 3;
        let tail = &rest[end..];
        let blank = usize::from(tail.starts_with(char::is_whitespace));
        let half = tail.get(blank..blank + 2).filter(|h| ["am", "pm"].contains(h));
        let hour = match half.filter(|_| ends_word(&tail[blank + 2..])) {
            Some(_) if !(1..=12).contains(&hour) => return Err(self.stop(expected)),
            Some(half) => {
                end += blank + 2;
                hour % 12 + if half == "pm" { 12 } else { 0 }
            }
            None => hour,
        };
        if hour > 23 || minute > 59 || !ends_word(&rest[end..]) {
            return Err(self.stop(expected));
        }
        self.advance(end);
        Ok(hour * 3_600 + minute * 60)
    }

    fn and(&mut self) -> bool {
        self.symbol(",") || self.word("and")
    }

    fn word(&mut self, word: &str) -> bool {
        self.words(word)
    }

    fn words(&mut self, words: &str) -> bool {
        let end = self.matches(words);
        if let Some(end) = end {
            self.pos = end;
        }
        end.is_some()
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.advance(symbol.len());
        }
        found
    }

    /// Where the words end, if they come next as whole words.
    fn matches(&self, words: &str) -> Option<usize> {
        let rest = self.rest().strip_prefix(words)?;
        ends_word(rest).then_some(self.text.len() - rest.len())
    }

    fn rest(&self) -> &str {
        self.text[self.pos..].trim_start()
    }

    /// Moves past `len` bytes of [`rest`](Self::rest).
    fn advance(&mut self, len: usize) {
        self.pos = self.text.len() - self.rest().len() + len;
    }

    fn stop(&self, expected: &'static str) -> Stop {
        Stop { at: self.text.len() - self.rest().len(), expected }
    }
}

fn ends_word(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}
