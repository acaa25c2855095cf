//! Families of metrics and their values as text: OpenMetrics 1.0, or what Prometheus read before it (0.0.4).

use std::fmt::Write;

use super::family::{Kind, Metric};
use crate::plain::one_line;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    OpenMetrics,
    /// Prometheus' own text.
    Plain,
}

impl Form {
    /// What a scraper asks for: OpenMetrics, unless it takes plain text and doesn't name it.
    pub(super) fn accepted(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default();
        match accept.contains("application/openmetrics-text") || !accept.contains("text/") {
            true => Self::OpenMetrics,
            false => Self::Plain,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

#[derive(Debug)]
struct Sample {
    metric: Metric,
    labels: Vec<String>,
    value: f64,
}

/// Values that are known. What isn't has none.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<Sample>);

impl Samples {
    /// A value with those of its labels, in the order of the family's.
    pub(super) fn add(&mut self, metric: Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), metric.family().labels.len(), "{metric:?}");
        // A number that is none says nothing.
        if value.is_finite() {
            let labels = labels.iter().map(|label| one_line(label)).collect();
            self.0.push(Sample { metric, labels, value });
        }
    }

    /// The same where it is known.
    pub(super) fn maybe(&mut self, metric: Metric, labels: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.add(metric, labels, value);
        }
    }

    pub(super) fn written(mut self, form: Form) -> String {
        // By family; within it in the order of their coming.
        self.0.sort_by_key(|sample| sample.metric);
        let mut out = String::new();
        let mut last = None;
        for Sample { metric, labels, value } in &self.0 {
            let family = metric.family();
            if last.replace(metric) != Some(metric) {
                let (name, kind) = match (form, family.kind) {
                    (Form::OpenMetrics, Kind::Gauge) => (family.name, "gauge"),
                    (Form::OpenMetrics, kind) => (kind.bare(family.name), kind.word()),
                    (Form::Plain, Kind::Counter) => (family.name, "counter"),
                    (Form::Plain, Kind::Gauge | Kind::Info) => (family.name, "gauge"),
                };
                line(&mut out, format_args!("# HELP {name} {}", family.help));
                line(&mut out, format_args!("# TYPE {name} {kind}"));
                if form == Form::OpenMetrics && !family.unit.is_empty() {
                    line(&mut out, format_args!("# UNIT {name} {}", family.unit));
                }
            }
            let pairs = family.labels.iter().zip(labels);
            let pairs: Vec<_> =
                pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            match pairs.as_slice() {
                [] => line(&mut out, format_args!("{} {value}", family.name)),
                pairs => {
                    line(&mut out, format_args!("{}{{{}}} {value}", family.name, pairs.join(",")));
                }
            }
        }
        if form == Form::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out
    }
}

fn line(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a text takes every line");
}

/// As it stands between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let mut samples = Samples::default();
        samples.add(Metric::QueueSent, &["a\"b\\c\nd"], 3.0);
        samples.add(Metric::BuildInfo, &["0.1.0"], 1.0);
        samples.add(Metric::CapacityUsed, &["main"], 90.5);
        samples.add(Metric::CapacityUsed, &["test"], f64::NAN);
        samples
    }

    #[test]
    fn the_text_is_openmetrics_and_what_was_before_it() {
        let open = samples().written(Form::OpenMetrics);
        assert!(open.contains("# TYPE bursar_capacity_used_seconds gauge\n# UNIT bursar_capacity_used_seconds seconds\nbursar_capacity_used_seconds{site=\"main\"} 90.5\n"), "{open}");
        assert!(open.contains("# TYPE bursar_queue_sent_events counter\nbursar_queue_sent_events_total{destination=\"a\\\"b\\\\c d\"} 3\n"), "{open}");
        assert!(
            open.contains("# TYPE bursar_build info\nbursar_build_info{version=\"0.1.0\"} 1\n"),
            "{open}"
        );
        assert!(open.ends_with("\n# EOF\n") && !open.contains("NaN"), "{open}");
        let plain = samples().written(Form::Plain);
        assert!(plain.contains("# TYPE bursar_queue_sent_events_total counter\n"), "{plain}");
        assert!(plain.contains("# TYPE bursar_build_info gauge\n"), "{plain}");
        assert!(!plain.contains("# UNIT") && !plain.contains("# EOF"), "{plain}");
    }

    #[test]
    fn a_scraper_gets_what_it_takes() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, form) in [
            (None, Form::OpenMetrics),
            (Some("*/*"), Form::OpenMetrics),
            (Some(prometheus), Form::OpenMetrics),
            (Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"), Form::Plain),
            (Some("text/html,application/xhtml+xml"), Form::Plain),
        ] {
            assert_eq!(Form::accepted(accept), form, "{accept:?}");
        }
    }
}
