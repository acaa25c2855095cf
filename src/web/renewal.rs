//! How many seats to renew with: the planner, its inputs in the address.

use askama::Template;
use axum::http::HeaderMap;
use chrono_tz::Tz;

use super::answer::{self, Answer, Failure, age};
use super::asked::Asked;
use super::frame::{Frame, Part, site_address};
use super::sections::Section;
use super::{Served, trends};
use crate::insight::renewal::{MONTHS, MOST_MONTHS, MOST_RISK, Question, RISKS};
use crate::insight::words;
use crate::planning::Planning;
use crate::planning::renewal::{TypeRenewal, check};
use crate::report::view::{Block, renewal_legend, renewal_of_type, renewal_order};
use crate::words::Locale;

/// So many lengths of a term, and so many risks, stand beside one another.
const MOST: usize = 6;

#[derive(Template)]
#[template(path = "renewal.html")]
struct Page {
    frame: Frame,
    site: String,
    on: String,
    months: String,
    risk: String,
    most_months: u32,
    most_risk: u8,
    seen: Option<String>,
    priced: bool,
    cost_address: String,
    sections: Vec<Section>,
}

pub(super) async fn page(
    served: &Served,
    headers: &HeaderMap,
    name: &str,
    query: Option<&str>,
) -> Answer {
    served.site(name)?;
    let asked = Asked::of(query)?;
    let question = Question {
        on: asked.day("on")?,
        months: asked.numbers("months", &MONTHS, MOST_MONTHS, MOST)?,
        risks: asked.numbers("risk", &RISKS, MOST_RISK, MOST)?,
    };
    let status = served.status().await?;
    let (locale, zone) = (served.source.settings.locale, served.source.settings.time_zone);
    let planning = served.known.planning(&served.source, name).await?;
    check(&question, planning.today)
        .map_err(|refused| Failure::Wrong(format!("on: {refused}.")))?;
    let list = |numbers: &[String]| numbers.join(",");
    let text = |months: &[u32]| list(&months.iter().map(u32::to_string).collect::<Vec<_>>());
    let risks: Vec<_> = question.risks.iter().map(u8::to_string).collect();
    let seen = planning.pools.iter().map(|pool| pool.as_of).min();
    let page = Page {
        frame: Frame::new(served, &status, Part::Renewal, Some(name)),
        site: name.to_owned(),
        on: question.on.map(|day| day.to_string()).unwrap_or_default(),
        months: text(&question.months),
        risk: list(&risks),
        most_months: MOST_MONTHS,
        most_risk: MOST_RISK,
        seen: seen.map(|time| age(time, status.time)),
        priced: planning.prices.is_some(),
        cost_address: site_address(name, "/cost"),
        sections: {
            // Each case is followed day by day.
            let _turn = served.turn().await;
            let make = move || sections(&planning, &question, locale, zone);
            tokio::task::spawn_blocking(make).await.unwrap_or_default()
        },
    };
    Ok(answer::page(headers, status.time, &page))
}

fn sections(planning: &Planning, question: &Question, locale: Locale, zone: Tz) -> Vec<Section> {
    let types = planning.seat_types();
    let answers: Vec<TypeRenewal> =
        types.filter_map(|seat_type| planning.renewal(seat_type, question)).collect();
    let mut sections = Vec::new();
    for answer in &answers {
        let mut blocks = renewal_of_type((locale, zone), answer, "Now", words::NO_LIST);
        let as_of = planning.pool(answer.seat_type).map(|pool| pool.as_of);
        blocks.extend(as_of.map(|time| {
            Block::Text(format!("By what was read until {}.", crate::words::local(time, zone)))
        }));
        let title = trends::title(answer.seat_type).to_owned();
        sections.push(Section::new(title, answer.seat_type.as_str(), blocks, locale));
    }
    let all: Vec<&TypeRenewal> = answers.iter().collect();
    if let Some(order) = planning.order_of(&answers) {
        let beside = planning.cost().and_then(|cost| cost.beside(&order));
        let blocks = renewal_order(locale, &order, beside.as_ref());
        if !blocks.is_empty() {
            let title = "Recommended order".to_owned();
            sections.insert(0, Section::new(title, "order", blocks, locale));
        }
    }
    if let Some(legend) = renewal_legend(&all) {
        let title = "How to read it".to_owned();
        let at = usize::from(!sections.is_empty() && answers.len() < sections.len());
        sections.insert(at, Section::new(title, "legend", vec![legend], locale));
    }
    sections
}
