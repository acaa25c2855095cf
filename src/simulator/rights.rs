//! What security rules grant to users that are no administrators.
//!
//! A real service leaves rows out of a list that no rule grants, and answers 403 to single objects; this
//! one answers 403 to all of it, so that a missing grant is seen at once.

use super::people::SeatKind;

/// What is done to a resource, as security rules name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
}

impl Action {
    /// By its name in the management console.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Create, Self::Read, Self::Update, Self::Delete];
        all.into_iter().find(|action| format!("{action:?}").eq_ignore_ascii_case(name.trim()))
    }
}

/// A security rule for one user.
#[derive(Debug, Clone)]
pub struct SecurityRule {
    /// `DIR\id` of the user that its condition means.
    pub user: String,
    /// As it is written: `License_*,User_*`.
    pub resource_filter: String,
    pub actions: Vec<Action>,
}

impl SecurityRule {
    /// Whether the rule grants this to whom it means.
    pub(super) fn grants(&self, resource: &str, action: Action) -> bool {
        let fits = |filter: &str| match filter.trim().strip_suffix('*') {
            Some(begin) => resource.starts_with(begin),
            None => resource == filter.trim(),
        };
        self.actions.contains(&action) && self.resource_filter.split(',').any(fits)
    }
}

/// What a request needs: the resource and the action. Nothing for what everybody may ask.
pub(super) fn needed(method: &str, segments: &[&str]) -> Option<(String, Action)> {
    let action = match (method, segments.last()) {
        // The rows of a table are read.
        ("GET", _) | ("POST", Some(&"table")) => Action::Read,
        ("POST", _) => Action::Create,
        ("DELETE", _) => Action::Delete,
        _ => Action::Update,
    };
    let resource = match segments {
        ["about", ..] | ["ssl", "ping"] => return None,
        ["license", name, ..] => match SeatKind::ALL.into_iter().find(|kind| kind.route() == *name)
        {
            Some(SeatKind::Professional) => "License.ProfessionalAccessType_",
            Some(SeatKind::Analyzer) => "License.AnalyzerAccessType_",
            Some(SeatKind::User) => "License.UserAccessType_",
            None if name.starts_with("accesstype") => "License_",
            None => "License.AccessGroup_",
        },
        ["license"] => "License_",
        ["user", ..] => "User_",
        ["app", ..] => "App_",
        ["reloadtask", ..] | ["download", "reloadtask", ..] => "ReloadTask_",
        ["executionresult", ..] => "ExecutionResult_",
        ["tag", ..] => "Tag_",
        ["custompropertydefinition", ..] => "CustomPropertyDefinition_",
        ["servernodeconfiguration", ..] => "ServerNodeConfiguration_",
        _ => "SystemRule_",
    };
    Some((resource.to_owned(), action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_grants_what_its_filter_begins_with_and_no_more() {
        let rule = SecurityRule {
            user: "CORP\\svc".into(),
            resource_filter: "License_*, License.AnalyzerAccessType_*,User_*".into(),
            actions: vec![Action::parse("Read").unwrap()],
        };
        for (method, path, granted) in [
            ("GET", "license", true),
            ("GET", "license/accesstypeoverview", true),
            ("GET", "license/analyzeraccesstype/full", true),
            ("DELETE", "license/analyzeraccesstype/x", false),
            ("GET", "license/professionalaccesstype/full", false),
            ("POST", "user/table", true),
            ("POST", "license/analyzeraccesstype", false),
            ("GET", "app/full", false),
        ] {
            let segments: Vec<_> = path.split('/').collect();
            let (resource, action) = needed(method, &segments).unwrap();
            assert_eq!(rule.grants(&resource, action), granted, "{method} {path}");
        }
        assert!(needed("GET", &["about"]).is_none());
    }
}
