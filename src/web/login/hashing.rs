//! Passwords are hashed one at a time, off the runtime's threads: whoever sends many costs one processor at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use crate::credential::is_password;

/// Logins that wait for their turn; for more there is no time.
const WAITING: usize = 16;

/// Compares passwords.
#[derive(Debug)]
pub(crate) struct Hashing {
    turn: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// How many were compared.
    done: AtomicU64,
}

impl Default for Hashing {
    fn default() -> Self {
        let (turn, waiting) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(WAITING)));
        Self { turn, waiting, done: AtomicU64::new(0) }
    }
}

impl Hashing {
    /// The hash, if the password is that of it; the same work where there is none. `None`: too many wait.
    pub(crate) async fn is_password(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Option<Option<String>> {
        let _place = self.waiting.try_acquire().ok()?;
        // Kept until the work is done, also when nobody waits for it any more.
        let turn = self.turn.clone().acquire_owned().await.ok()?;
        self.done.fetch_add(1, Ordering::Relaxed);
        let compare = move || {
            let right = is_password(&password, hash.as_deref());
            drop(turn);
            hash.filter(|_| right)
        };
        tokio::task::spawn_blocking(compare).await.ok()
    }

    #[cfg(test)]
    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::hash_password;

    #[tokio::test]
    async fn an_unknown_user_costs_as_much_as_a_known_one() {
        let hashing = Hashing::default();
        let hash = hash_password("correct horse battery").unwrap();
        let of = |password: &str, hash: Option<&String>| {
            hashing.is_password(password.to_owned(), hash.cloned())
        };
        assert_eq!(of("wrong", Some(&hash)).await, Some(None));
        assert_eq!(hashing.done(), 1);
        assert_eq!(of("wrong", None).await, Some(None));
        assert_eq!(hashing.done(), 2, "the same work for nobody");
        assert_eq!(of("correct horse battery", Some(&hash)).await, Some(Some(hash)));
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let hashing = Arc::new(Hashing::default());
        let held = hashing.turn.clone().acquire_owned().await.unwrap();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..10 * WAITING {
            let hashing = hashing.clone();
            all.spawn(async move { hashing.is_password("x".to_owned(), None).await });
        }
        for _ in 0..9 * WAITING {
            assert_eq!(all.join_next().await.unwrap().unwrap(), None, "there is no place");
        }
        drop(held);
        while let Some(done) = all.join_next().await {
            assert_eq!(done.unwrap(), Some(None));
        }
        assert_eq!(hashing.done(), WAITING as u64);
    }
}
