//! The words of enums, in the store, in settings and in what programs read: none ever changes.

use std::fmt::Debug;

use bursar::alert::state::Occurrence;
use bursar::config::settings::Format;
use bursar::event::{AlertStatus, Severity};
use bursar::ledger::{Action, Mode, RunStatus, Statement};
use bursar::license::LicenseState;
use bursar::license::changes::ChangeKind;
use bursar::license::monitor_app::{AppHealth, Cause};
use bursar::policy::Guard;
use serde::Serialize;
use serde_json::json;
use strum::VariantArray;

/// The words of a type, which has the same in JSON.
fn words<T: VariantArray + Copy + Into<&'static str> + Serialize + Debug>() -> String {
    let mut words = Vec::new();
    for value in T::VARIANTS {
        let word: &str = (*value).into();
        assert_eq!(json!(value), word, "{value:?}");
        words.push(word);
    }
    words.join(" ")
}

#[test]
fn no_word_changes() {
    for (words, expected) in [
        (words::<Action>(), "release allocate"),
        (words::<Mode>(), "real rehearsal undo"),
        (words::<RunStatus>(), "done refused partly broken stopped failed"),
        (words::<Statement>(), "taken kept"),
        (words::<Severity>(), "info warning critical"),
        (words::<AlertStatus>(), "firing resolved"),
        (words::<Occurrence>(), "fired repeated escalated resolved silenced inhibited"),
        (words::<Format>(), "html md csv json"),
        (
            words::<LicenseState>(),
            "none blacklisted invalid expired not-started expiry-disputed start-unreadable \
             expiry-unreadable expiry-unknown expiring perpetual valid",
        ),
        (
            words::<ChangeKind>(),
            "released quarantineEnded userDeleted allocated moved quarantined restored",
        ),
        (
            words::<AppHealth>(),
            "healthy running runningLong failed stale missing never disabled unknown",
        ),
        (
            words::<Cause>(),
            "unauthorized forbidden connection-missing certificate unreachable service-error \
             timeout out-of-memory disk-full file-missing aborted unknown",
        ),
        (
            words::<Guard>(),
            "percent max-releases stale-signal incomplete clock unsettled shared-license paused \
             store-begun-anew \
             other-site frozen rule-misspelt",
        ),
    ] {
        assert_eq!(words, expected);
    }
}
