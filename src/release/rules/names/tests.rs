use super::*;
use crate::policy::NeverRelease;

/// The people of a small site.
const ACCOUNTS: [(&str, &str); 9] = [
    ("CORP", "anna"),
    ("CORP", "jürgen"),
    ("CORP", "Groß"),
    ("CORP", "Anna Maria"),
    ("CORP", "svc_backup"),
    ("CORP", "O'Neill"),
    ("partner.example.com", "bert"),
    ("MAIL", "cleo@mail.example.com"),
    ("Räte", "dora"),
];

fn set(names: &[&str]) -> BTreeSet<Box<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

fn site() -> Names {
    let known = |names| Known { names: set(names), missing: None };
    Names {
        tags: known(&["Do not release", "Geschützt", "VIP"]),
        properties: [
            ("LicenseManage".into(), set(&["do-not-release", "free"])),
            ("Note".into(), set(&[])),
        ]
        .into(),
        roles: known(&["RootAdmin", "Content Admin"]),
        groups: known(&["Finance", "CN=Board,OU=Groups,DC=corp", "CORP\\Sales"]),
        ..Names::default()
    }
}

/// What is said of these rules, with the site above.
fn said(rules: &NeverRelease, names: &Names) -> Vec<String> {
    let today = "2026-11-24".parse().unwrap();
    let found = findings(rules, today, || ACCOUNTS.into_iter(), names);
    found.iter().map(Finding::to_string).collect()
}

fn user(directory: &str, user_id: &str) -> NeverRelease {
    let user = UserPattern {
        directory: directory.into(),
        user_id: user_id.into(),
        ..UserPattern::default()
    };
    NeverRelease { users: vec![user], ..NeverRelease::default() }
}

/// One finding, by its beginning: nothing, `nobody`, or whom it means.
fn verdict(rules: &NeverRelease) -> String {
    let today = "2026-11-24".parse().unwrap();
    let mut found = findings(rules, today, || ACCOUNTS.into_iter(), &site());
    assert!(found.len() <= 1, "{found:?}");
    match found.pop().map(|finding| finding.what) {
        None => String::new(),
        Some(Mistake::Misspelt { means, .. }) => means,
        Some(Mistake::Nobody { nearest: Some(nearest) }) => format!("nobody, near {nearest}"),
        Some(Mistake::Nobody { nearest: None }) => "nobody".into(),
        Some(Mistake::NotLookedAt { why }) => why,
        Some(Mistake::NotSeen { known, of }) => format!("{known} of {of}"),
    }
}

#[test]
fn users_in_every_wrong_form() {
    for (directory, user_id, expected) in [
        // Right ones, as rules are compared.
        ("CORP", "anna", ""),
        ("corp", "ANNA", ""),
        ("CORP", "ju\u{308}rgen", ""),
        ("CORP", "anna\u{a0}maria", ""),
        ("CORP", "Anna  Maria", ""),
        ("*", "svc_*", ""),
        ("c?rp", "ann?", ""),
        ("INTERNAL", "sa_nobody", ""),
        // The directory within the id, and the other way round.
        ("CORP", "CORP\\anna", "CORP\\anna"),
        ("*", "CORP\\anna", "CORP\\anna"),
        ("CORP", "corp/anna", "CORP\\anna"),
        ("CORP", "\\anna", "CORP\\anna"),
        ("CORP\\anna", "anna", "CORP\\anna"),
        ("CORP\\anna", "*", "CORP\\anna"),
        ("CORP\\", "anna", "CORP\\anna"),
        ("\\CORP", "anna", "CORP\\anna"),
        ("CORP", "CORP\\svc_*", "CORP\\svc_backup"),
        // The directory twice.
        ("CORP", "CORP\\CORP\\anna", "CORP\\anna"),
        ("*", "CORP\\CORP\\anna", "CORP\\anna"),
        ("OTHER", "CORP/CORP/anna", "CORP\\anna"),
        ("CORP\\CORP", "anna", "CORP\\anna"),
        ("CORP\\CORP", "CORP\\anna", "CORP\\anna"),
        ("CORP\\anna", "CORP\\anna", "CORP\\anna"),
        ("CORP\\CORP\\anna", "anna", "CORP\\anna"),
        ("CORP\\CORP\\anna", "*", "CORP\\anna"),
        ("CORP/CORP/anna", "nobody", "CORP\\anna"),
        // Addresses and domains.
        ("CORP", "anna@corp", "CORP\\anna"),
        ("*", "anna@corp.example.com", "CORP\\anna"),
        ("@corp", "anna", "CORP\\anna"),
        ("CORP", "anna@somewhere.else", "CORP\\anna"),
        ("corp.example.com", "anna", "CORP\\anna"),
        ("PARTNER", "bert", "partner.example.com\\bert"),
        ("MAIL", "cleo", "MAIL\\cleo@mail.example.com"),
        // Swapped.
        ("anna", "CORP", "CORP\\anna"),
        ("svc_*", "CORP", "CORP\\svc_backup"),
        // Spelt in another way.
        ("CORP", "jurgen", "CORP\\jürgen"),
        ("CORP", "juergen", "CORP\\jürgen"),
        ("CORP", "gross", "CORP\\Groß"),
        ("CORP", "AnnaMaria", "CORP\\Anna Maria"),
        ("CORP", "an\u{200b}na", "CORP\\anna"),
        ("CORP", "\"anna\"", "CORP\\anna"),
        ("CORP", "ONeill", "CORP\\O'Neill"),
        ("CORP", "\u{ff41}nna", "CORP\\anna"),
        ("Raete", "dora", "Räte\\dora"),
        ("rate", "d*", "Räte\\dora"),
        // Nobody at all.
        ("CORP", "annna", "nobody, near CORP\\anna"),
        ("CROP", "anna", "nobody, near CORP\\anna"),
        ("CORP", "svc-backup", "nobody, near CORP\\svc_backup"),
        ("CORP", "zoltan", "nobody"),
        // A user of another directory may be somebody else.
        ("PARTNERS", "zzz", "nobody"),
    ] {
        assert_eq!(verdict(&user(directory, user_id)), expected, "{directory} and {user_id}");
    }
}

#[test]
fn directories_in_every_wrong_form() {
    for (directory, expected) in [
        ("corp", ""),
        ("RÄTE", ""),
        ("part*", ""),
        ("INTERNAL", ""),
        ("CORP\\", "the directory CORP"),
        ("\\CORP", "the directory CORP"),
        ("@corp", "the directory CORP"),
        ("CORP\\anna", "CORP\\anna"),
        ("anna@corp", "CORP\\anna"),
        ("CORP\\nobody", "the directory CORP"),
        ("anna", "CORP\\anna"),
        ("rate", "the directory Räte"),
        ("C O R P", "the directory CORP"),
        ("corp.example.com", "the directory CORP"),
        ("partner", "the directory partner.example.com"),
        ("CORPS", "the directory CORP"),
        ("SALES", "nobody"),
        ("XYZ", "nobody"),
    ] {
        let rules = NeverRelease { directories: vec![directory.into()], ..NeverRelease::default() };
        assert_eq!(verdict(&rules), expected, "{directory}");
    }
}

#[test]
fn tags_roles_and_groups_in_every_wrong_form() {
    let texts = |kind: &str, text: &str| {
        let (mut rules, texts) = (NeverRelease::default(), vec![text.to_owned()]);
        match kind {
            "tag" => rules.tags = texts,
            "role" => rules.roles = texts,
            _ => rules.groups = texts,
        }
        rules
    };
    for (kind, text, expected) in [
        ("tag", "do  NOT\u{a0}release", ""),
        ("tag", "Do not*", ""),
        ("tag", "v?p", ""),
        ("tag", "geschutzt", "the tag Geschützt"),
        ("tag", "Geschuetzt", "the tag Geschützt"),
        ("tag", "donotrelease", "the tag Do not release"),
        ("tag", "'VIP'", "the tag VIP"),
        ("tag", "RootAdmin", "the role RootAdmin"),
        (
            "tag",
            "LicenseManage = do-not-release",
            "the custom property LicenseManage = do-not-release",
        ),
        ("tag", "do-not-release", "the custom property LicenseManage = do-not-release"),
        ("tag", "Do not releas", "the tag Do not release"),
        ("tag", "Quark", "nobody"),
        ("role", "rootadmin", ""),
        ("role", "Root Admin", "the role RootAdmin"),
        ("role", "Root*", ""),
        ("role", "Finance", "the group Finance"),
        ("role", "RotAdmin", "the role RootAdmin"),
        // A slip is told from another name: patterns, digits, short names, more than a slip.
        ("tag", "Do not relaese", "the tag Do not release"),
        ("tag", "Do not releas*e*d", "nobody, near Do not release"),
        ("tag", "Do not release 2", "nobody, near Do not release"),
        ("tag", "Do not delete", "nobody, near Do not release"),
        ("tag", "VIPS", "nobody, near VIP"),
        // Every site has these, whoever has them now.
        ("role", "SecurityAdmin", ""),
        ("role", "DeploymentAdmn", "the role DeploymentAdmin"),
        ("role", "Warden", "nobody"),
        ("group", "FINANCE", ""),
        ("group", "Board", "the group CN=Board,OU=Groups,DC=corp"),
        ("group", "CN=Finance,OU=Groups", "the group Finance"),
        ("group", "CORP\\Finance", "the group Finance"),
        ("group", "Sales", "the group CORP\\Sales"),
        ("group", "VIP", "the tag VIP"),
        ("group", "Finanze", "nobody, near Finance"),
    ] {
        assert_eq!(verdict(&texts(kind, text)), expected, "{kind} {text}");
    }
}

#[test]
fn custom_properties_in_every_wrong_form() {
    for (name, value, expected) in [
        ("licensemanage", "DO-NOT-RELEASE", ""),
        ("License*", "do-*", ""),
        ("Note", "whatever", ""),
        ("License Manage", "do-not-release", "the custom property LicenseManage = do-not-release"),
        ("LicenseManage", "do–not–release", "the custom property LicenseManage = do-not-release"),
        ("do-not-release", "LicenseManage", "the custom property LicenseManage = do-not-release"),
        ("LicenseManage", "do-not-relese", "the custom property LicenseManage = do-not-release"),
        ("LicenceManage", "do-not-release", "the custom property LicenseManage"),
        ("LicenseManage", "do-not-let", "the custom property LicenseManage (do-not-release, free)"),
        ("LicenseManage", "true", "the custom property LicenseManage (do-not-release, free)"),
        ("LicenseManage", "do-not-l*", "nobody, near LicenseManage = do-not-release"),
        ("LicenseMgmt", "do-not-release", "nobody, near LicenseManage"),
        ("Quark", "x", "nobody"),
    ] {
        let property = Property { name: name.into(), value: value.into() };
        let rules = NeverRelease { custom_properties: vec![property], ..NeverRelease::default() };
        assert_eq!(verdict(&rules), expected, "{name} = {value}");
    }
}

#[test]
fn what_is_not_known_is_said_and_never_taken_for_wrong() {
    let missing = || Some("the list can't be read: 403".to_owned());
    let mut names = site();
    names.tags = Known { names: set(&["VIP"]), missing: missing().map(Missing::Unread) };
    names.properties_missing = missing();
    names.accounts_missing = missing();
    let mut rules = user("CORP", "nobody");
    rules.tags = vec!["vip".into(), "Quark".into(), "“VIP”".into()];
    rules.custom_properties = vec![Property { name: "a".into(), value: "b".into() }];
    rules.directories = vec!["ELSEWHERE".into()];
    names.roles.missing = Some(Missing::NotAll { known: 3, of: 50 });
    names.groups.missing = Some(Missing::NotAll { known: 0, of: 50 });
    rules.roles = vec!["Auditor".into()];
    rules.groups = vec!["Legal".into()];
    insta::assert_snapshot!(said(&rules, &names).join("\n"));
}

#[test]
fn each_finding_is_a_sentence() {
    let mut rules = user("CORP", "CORP\\anna");
    rules.tags = vec!["Quark".into(), "Do not releas".into()];
    rules.directories = vec!["CORP\\anna".into()];
    insta::assert_snapshot!(said(&rules, &site()).join("\n"));
}

#[test]
fn an_entry_that_has_ended_is_not_looked_at() {
    let mut rules = user("CORP", "nobody");
    rules.users[0].until = "2026-11-23".parse().ok();
    assert_eq!(verdict(&rules), "");
    rules.users[0].until = "2026-11-24".parse().ok();
    assert_eq!(verdict(&rules), "nobody");
}
