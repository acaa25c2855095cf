//! How many files this process may have open. Every connection is one.

use std::error::Error;
use std::io;

/// Why something could not be opened, and what to do.
pub const EXHAUSTED: &str =
    "this process has as many files open as it may (ulimit -n; LimitNOFILE of the service)";

/// The limits of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Before it was raised.
    pub before: u64,
    /// What holds now.
    pub now: u64,
}

/// Raises the limit that holds to the one that this user may not exceed. `None` where there is no such limit.
#[cfg(unix)]
pub fn raise() -> Option<Limit> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let found = getrlimit(Resource::Nofile);
    let before = found.current?;
    let wanted = Rlimit { current: found.maximum, maximum: found.maximum };
    // Some systems have a limit of their own beside it: then the one that was there stays.
    let _ = setrlimit(Resource::Nofile, wanted);
    getrlimit(Resource::Nofile).current.map(|now| Limit { before, now })
}

#[cfg(not(unix))]
pub fn raise() -> Option<Limit> {
    None
}

/// How many there may be. `None` where there is no such limit.
#[cfg(unix)]
pub fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
pub fn limit() -> Option<u64> {
    None
}

/// Whether an error says so, wherever in it.
pub fn are_named(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if is_exhaustion(error) {
                return true;
            }
            // What it wraps is not among its sources.
            if let Some(inner) = error.get_ref()
                && are_named(inner)
            {
                return true;
            }
        }
        next = error.source();
    }
    false
}

/// Whether not one file more can be opened right now. A resolver that can't open its settings says that
/// there is no such name.
#[cfg(unix)]
pub fn are_exhausted() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|error| is_exhaustion(&error))
}

#[cfg(not(unix))]
pub fn are_exhausted() -> bool {
    false
}

/// Why a connection failed: this, or what the error says.
pub fn explain(error: &io::Error) -> String {
    if are_named(error) || are_exhausted() { EXHAUSTED.to_owned() } else { error.to_string() }
}

fn is_exhaustion(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let errnos = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
        error.raw_os_error().is_some_and(|errno| errnos.contains(&errno))
    }
    #[cfg(windows)]
    {
        // WSAEMFILE
        error.raw_os_error() == Some(10024)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_exhausted_process_is_told_from_other_errors_however_deep() {
        let none = || io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        assert!(are_named(&none()));
        assert!(are_named(&io::Error::other(io::Error::other(none()))));
        assert!(!are_named(&io::Error::from(io::ErrorKind::NotFound)));
        assert!(!are_exhausted());
    }

    #[test]
    fn the_limit_is_the_highest_one() {
        let limit = raise().expect("linux and macOS have one");
        assert!(limit.now >= limit.before);
        assert_eq!(raise().map(|again| again.before), Some(limit.now));
    }
}
