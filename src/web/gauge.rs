//! Bars of what is taken. As SVG with attributes only: the pages allow no style of their own.

use super::wording::number;
use std::fmt::Write;

use crate::alert::Policy;
use crate::event::Rule;

/// Units of a whole bar.
const WIDTH: f64 = 1000.0;

/// What is drawn of a pool.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gauge<'a> {
    /// For who can't see it.
    pub(super) label: &'a str,
    pub(super) total: f64,
    pub(super) taken: f64,
    /// Blocked: hatched, behind what is taken.
    pub(super) blocked: f64,
    pub(super) tone: &'a str,
    /// Where alerts begin.
    pub(super) limits: &'a [f64],
    /// How much of the time that it is for is gone, as a share.
    pub(super) gone: Option<f64>,
}

impl Gauge<'_> {
    pub(super) fn svg(&self) -> String {
        let label = escaped(self.label);
        let mut out = format!(
            r#"<svg class="gauge" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label="{label}"><rect class="track" width="1000" height="16"/>"#
        );
        let x = |value: f64| match self.total > 0.0 {
            true => (value / self.total).clamp(0.0, 1.0) * WIDTH,
            false => 0.0,
        };
        let taken = x(self.taken);
        let _ = write!(out, r#"<rect class="{}" width="{taken:.1}" height="16"/>"#, self.tone);
        let blocked = x(self.taken + self.blocked) - taken;
        if blocked > 0.0 {
            let _ = write!(
                out,
                r#"<rect x="{taken:.1}" width="{blocked:.1}" height="16" fill="url(#hatch)"/>"#
            );
        }
        if let Some(gone) = self.gone {
            let gone = gone.clamp(0.0, 1.0) * WIDTH;
            let _ = write!(out, r#"<rect class="gone" y="13" width="{gone:.1}" height="3"/>"#);
        }
        for limit in self.limits.iter().filter(|limit| **limit > 0.0 && **limit < self.total) {
            let x = x(*limit);
            let _ = write!(
                out,
                r#"<line class="limit" x1="{x:.1}" x2="{x:.1}" y1="0" y2="16" vector-effect="non-scaling-stroke"/>"#
            );
        }
        out + r#"<rect class="frame" width="1000" height="16" vector-effect="non-scaling-stroke"/></svg>"#
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// How a pool stands against the alerts that watch it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    /// At how many taken seats alerts begin.
    pub(super) limits: Vec<f64>,
    /// The same in words.
    pub(super) limits_in_words: String,
}

impl Standing {
    pub(super) fn of(policy: &Policy, total: f64, taken: f64, free: f64) -> Self {
        let low = policy.limits.low(total).filter(|_| policy.watches(Rule::SeatsLow));
        let percent = policy.limits.utilization_percent;
        let full = policy.watches(Rule::UtilizationHigh).then_some(percent);
        let mut words = Vec::new();
        let mut limits = Vec::new();
        if let Some(percent) = full {
            limits.push(total * percent / 100.0);
            words.push(format!("{} % allocated", number(percent)));
        }
        if let Some(low) = low {
            limits.push(total - low);
            words.push(format!("{} free", number(low)));
        }
        let share = if total > 0.0 { taken / total * 100.0 } else { 0.0 };
        let (tone, word) = match () {
            () if total > 0.0 && free <= 0.0 => ("act", "none free"),
            () if low.is_some_and(|low| free <= low) && total > 0.0 => ("act", "few free"),
            () if full.is_some_and(|limit| share >= limit) => ("watch", "nearly full"),
            () => ("fine", "enough free"),
        };
        let limits_in_words = match words.is_empty() {
            true => "no alert watches it".to_owned(),
            false => format!("alerts from {} on", words.join(" and ")),
        };
        Self { tone, word, limits, limits_in_words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_stands_as_the_alerts_judge_it() {
        let policy = Policy::default();
        let of = |taken: f64| Standing::of(&policy, 100.0, taken, 100.0 - taken).word;
        assert_eq!(
            [50.0, 90.0, 95.0, 100.0].map(of),
            ["enough free", "nearly full", "few free", "none free"]
        );
        assert_eq!(Standing::of(&policy, 100.0, 0.0, 100.0).limits, [90.0, 95.0]);
    }

    #[test]
    fn a_bar_has_no_style_of_its_own_and_stays_within_itself() {
        let gauge = Gauge {
            label: "a \"<b>\"",
            total: 10.0,
            taken: 12.0,
            blocked: 3.0,
            tone: "act",
            limits: &[9.0],
            gone: None,
        };
        let svg = gauge.svg();
        assert!(!svg.contains("style") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains(r#"<rect class="act" width="1000.0""#), "{svg}");
        assert!(Gauge { total: 0.0, ..gauge }.svg().contains(r#"class="act" width="0.0""#));
    }
}
