//! How many people use their seats each day.

use chrono::{Datelike, NaiveDate};

use crate::insight::activity::{self, Day};
use crate::insight::days_after;
use crate::planning::Planning;
use crate::report::svg::{Across, Lines, Series};
use crate::store::StoreError;
use crate::web::Served;
use crate::web::wording::locale;

const TITLE: &str = "People who used a seat, by day";

/// So many days back: weeks can still be told apart.
const DAYS: i64 = 120;

/// Title and picture of the last days, or from when on there will be one; nothing where the seats were never read.
pub(in crate::web) async fn users_a_day(
    served: &Served,
    planning: &Planning,
) -> Result<Option<(String, String)>, StoreError> {
    let (store, today) = (&served.source.store, planning.today);
    let lists = store.seat_lists(&planning.site).await?;
    let Some(first) = lists.iter().map(|list| list.first_read).min() else { return Ok(None) };
    let first_read = first.with_timezone(&planning.zone).date_naive();
    let from = days_after(today, -DAYS);
    let days = store.seat_days(&planning.site, None, from).await?;
    let days: Vec<&Day> = activity::whole_days(&days, from, first_read, today).collect();
    if days.len() > 1 {
        return Ok(Some(drawn(&days)));
    }
    // Whole days only, and two of them.
    let next = days_after(first_read, 3);
    let text = super::chart::too_early(first_read, next);
    Ok((next > today).then(|| (TITLE.to_owned(), text)))
}

fn drawn(days: &[&Day]) -> (String, String) {
    let x = |day: NaiveDate| f64::from(day.num_days_from_ce());
    let points = days.iter().map(|day| (x(day.day), f64::from(day.users))).collect();
    let ends = days.first().zip(days.last());
    let ends =
        ends.map_or_else(String::new, |(first, last)| format!(", {} to {}", first.day, last.day));
    let lines = Lines {
        title: format!("{TITLE}{ends}"),
        unit: "people".to_owned(),
        across: Across::Days,
        series: vec![Series::line("Active a day", points)],
        band: Vec::new(),
        marks: Vec::new(),
        from_zero: true,
    };
    let pairs = days.windows(2).map(|pair| (pair[0].day, pair[1].day));
    let gaps: Vec<_> = pairs
        .filter(|(before, after)| (*after - *before).num_days() > super::chart::GAP)
        .map(|(before, after)| (x(before), x(after)))
        .collect();
    let svg = lines.svg_with_gaps("chart-users", locale(), &gaps);
    (lines.title, svg)
}
