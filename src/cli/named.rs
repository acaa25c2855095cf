//! Names that somebody types for what is there already: a name that is nothing's is refused, with the one that
//! may be meant.

use super::Exit;
use crate::config::Settings;
use crate::config::settings::Site;

/// How alike two names are, from 0 to 1, when one may be meant for the other.
const ALIKE: f64 = 0.8;

/// The one of several names that may be meant.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let typed = name.to_lowercase();
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &typed), *known))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .map(|(_, known)| known)
}

/// `there is no site oslp; did you mean oslo? There are: oslo, bergen`
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let name = crate::plain::one_line(name);
    let meant = nearest(&name, known);
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    match known {
        [] => format!("there is no {what} {name}, and no other"),
        _ if known.len() > MOST => format!("there is no {what} {name}{meant}"),
        _ if meant.is_empty() => {
            format!("there is no {what} {name}; there are: {}", known.join(", "))
        }
        _ => format!("there is no {what} {name}{meant} There are: {}", known.join(", ")),
    }
}

/// The site of that name, in any case; complains about one that isn't there.
pub(super) fn site<'a>(settings: &'a Settings, name: &str) -> Result<&'a Site, Exit> {
    settings.sites.iter().find(|site| site.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let known: Vec<_> = settings.sites.iter().map(|site| site.name.as_str()).collect();
        errln!("bursar: {}", unknown("site", name, &known));
        Exit::Unusable
    })
}

/// The sites that are asked for: the named one, or all of them.
pub(super) fn sites<'a>(settings: &'a Settings, name: Option<&str>) -> Result<Vec<&'a Site>, Exit> {
    match name {
        Some(name) => site(settings, name).map(|site| vec![site]),
        None => Ok(settings.sites.iter().collect()),
    }
}

/// More names are not listed in a message.
const MOST: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_typo_is_told_with_the_one_that_is_meant() {
        assert_eq!(nearest("olso", &["bergen", "oslo"]), Some("oslo"));
        assert_eq!(nearest("INFLUXDB", &["influxdb", "mqtt"]), Some("influxdb"));
        assert_eq!(nearest("paris", &["bergen", "oslo"]), None);
        let said = unknown("site", "olso", &["bergen", "oslo"]);
        assert_eq!(said, "there is no site olso; did you mean oslo? There are: bergen, oslo");
        assert_eq!(unknown("user", "x", &[]), "there is no user x, and no other");
    }
}
