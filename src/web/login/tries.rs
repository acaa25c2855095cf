//! How often somebody may try to log in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Logins that may fail within [`WINDOW`]: of one account, from one address, of all.
const OF_ACCOUNT: u32 = 10;
const OF_PEER: u32 = 50;
const OF_ALL: u32 = 1000;

const WINDOW: Duration = Duration::from_secs(600);

/// Bytes of an account's name that tell it from others.
const LONGEST: usize = 64;

/// Logins that failed lately.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<HashMap<Of, Tried>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Of {
    Account(String),
    Peer(IpAddr),
    All,
}

#[derive(Debug)]
struct Tried {
    since: Instant,
    count: u32,
}

impl Tries {
    /// A login begins, and counts as one that failed until it succeeded. `Err`: how long to wait.
    pub(crate) fn begin(&self, account: &str, peer: IpAddr) -> Result<(), Duration> {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        tried.retain(|_, of| now.duration_since(of.since) < WINDOW);
        let all = of(account, peer);
        for (of, most) in &all {
            if let Some(known) = tried.get(of)
                && known.count >= *most
            {
                return Err(WINDOW - now.duration_since(known.since));
            }
        }
        for (of, _) in all {
            tried.entry(of).or_insert(Tried { since: now, count: 0 }).count += 1;
        }
        Ok(())
    }

    /// It did not fail. What failed before counts on: a password that was guessed is no amnesty for the address.
    pub(crate) fn succeeded(&self, account: &str, peer: IpAddr) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (of, _) in of(account, peer) {
            if let Some(known) = tried.get_mut(&of) {
                known.count = known.count.saturating_sub(1);
            }
        }
    }
}

fn of(account: &str, peer: IpAddr) -> [(Of, u32); 3] {
    let account: String = account.chars().take(LONGEST).collect();
    [(Of::All, OF_ALL), (Of::Peer(network(peer)), OF_PEER), (Of::Account(account), OF_ACCOUNT)]
}

/// Whoever has one address of IPv6 has all that begin alike.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn logins_of_an_account_an_address_and_all_are_bounded() {
        let ip = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(n));
        let tries = Tries::default();
        let allowed = |tries: &Tries, each: &dyn Fn(u32) -> (String, IpAddr)| {
            let begin = |n| {
                let (account, peer) = each(n);
                tries.begin(&account, peer).is_ok()
            };
            (0..10_000).filter(|n| begin(*n)).count()
        };
        let one = |n| ("anna".to_owned(), ip(n));
        assert_eq!(allowed(&tries, &one), OF_ACCOUNT as usize, "one account, from anywhere");
        assert!(tries.begin("anna", ip(1)).is_err_and(|wait| wait <= WINDOW));
        let tries = Tries::default();
        let one = |n: u32| (n.to_string(), ip(7));
        assert_eq!(allowed(&tries, &one), OF_PEER as usize, "one address, for anybody");
        assert!(tries.begin("bert", ip(8)).is_ok(), "another address goes on");
        let tries = Tries::default();
        assert_eq!(allowed(&tries, &|n| (n.to_string(), ip(n))), OF_ALL as usize);
        assert!(
            tries.0.lock().unwrap().len() <= 2 * OF_ALL as usize + 1,
            "what is kept is bounded"
        );
        tokio::time::advance(WINDOW).await;
        assert!(tries.begin("anna", ip(1)).is_ok(), "after a while");
    }

    #[tokio::test(start_paused = true)]
    async fn who_succeeds_is_not_bounded() {
        let (tries, peer) = (Tries::default(), "2001:db8::1".parse().unwrap());
        for _ in 0..10_000 {
            assert_eq!(tries.begin("anna", peer), Ok(()));
            tries.succeeded("anna", peer);
        }
        let next = |n: u16| format!("2001:db8::{n:x}").parse().unwrap();
        let begun = (1..1000).filter(|n| tries.begin(&n.to_string(), next(*n)).is_ok());
        assert_eq!(begun.count(), OF_PEER as usize, "addresses of one network are one");
    }
}
