//! RSA keys for simulated sites, made fast.
//!
//! The `rsa` crate tests each prime twenty times over, and sieves little before: a second or more
//! for the three keys of a site, on an idle machine. The demo wants to be up by then. Here the
//! candidates are sieved by all primes below [`SIEVE_LIMIT`] and tested once, which is certain
//! enough for a key that lives as long as a process and guards nothing.

use rsa::rand_core::{OsRng, RngCore};
use rsa::{BigUint, RsaPrivateKey};

const PRIME_BYTES: usize = 128;
const SIEVE_LIMIT: usize = 8192;
/// Candidates looked at from one random start: enough to nearly always hold a prime.
const CANDIDATES: usize = 4096;
const PUBLIC_EXPONENT: u32 = 65537;

/// Keys of 2048 bits. All their primes are searched for at the same time.
pub(super) fn rsa_keys<const N: usize>() -> [RsaPrivateKey; N] {
    let small = small_primes();
    std::thread::scope(|scope| {
        let search = || scope.spawn(|| prime(&small));
        let searches = [(); N].map(|()| (search(), search()));
        searches.map(|(p, q)| {
            let found = |thread: std::thread::ScopedJoinHandle<'_, BigUint>| {
                thread.join().expect("the search for a prime ends")
            };
            let (p, mut q) = (found(p), found(q));
            loop {
                // Refused when the exponent has no inverse: one time in 30,000.
                match RsaPrivateKey::from_p_q(p.clone(), q, BigUint::from(PUBLIC_EXPONENT)) {
                    Ok(key) => return key,
                    Err(_) => q = prime(&small),
                }
            }
        })
    })
}

/// A prime of 1024 bits, the first two of which are set, so that two of them make 2048.
fn prime(small: &[usize]) -> BigUint {
    loop {
        let mut bytes = [0; PRIME_BYTES];
        OsRng.fill_bytes(&mut bytes);
        bytes[0] |= 0b1100_0000;
        bytes[PRIME_BYTES - 1] |= 1;
        let start = BigUint::from_bytes_be(&bytes);
        let candidates = sieved(&bytes, small).into_iter().map(|step| &start + BigUint::from(step));
        if let Some(prime) = candidates.into_iter().find(|n| n.bits() == 1024 && is_prime(n)) {
            return prime;
        }
    }
}

/// The even numbers that, added to `start`, give something no small prime divides.
fn sieved(start: &[u8], small: &[usize]) -> Vec<u32> {
    let mut composite = [false; CANDIDATES];
    for &prime in small {
        let rest = start.iter().fold(0, |rest, &byte| (rest * 256 + usize::from(byte)) % prime);
        // The first even number that `prime` divides together with the start.
        let missing = (prime - rest) % prime;
        let first = if missing % 2 == 0 { missing } else { missing + prime };
        for place in (first / 2..CANDIDATES).step_by(prime) {
            composite[place] = true;
        }
    }
    let places = composite.iter().enumerate().filter(|(_, composite)| !**composite);
    places.map(|(place, _)| 2 * place as u32).collect()
}

/// Fermat's test to the base 2. A random number of this size that passes is composite less often
/// than a computer miscalculates.
fn is_prime(n: &BigUint) -> bool {
    let one = BigUint::from(1u32);
    BigUint::from(2u32).modpow(&(n - &one), n) == one
}

/// The odd primes below [`SIEVE_LIMIT`].
fn small_primes() -> Vec<usize> {
    let is_prime = |n: usize| (3..).step_by(2).take_while(|d| d * d <= n).all(|d| n % d != 0);
    (3..SIEVE_LIMIT).step_by(2).filter(|n| is_prime(*n)).collect()
}

#[cfg(test)]
mod tests {
    use rsa::traits::{PrivateKeyParts, PublicKeyParts};

    use super::*;

    #[test]
    fn small_primes_are_prime() {
        let primes = small_primes();
        assert_eq!(primes[..8], [3, 5, 7, 11, 13, 17, 19, 23]);
        // There are 1028 primes below 8192, one of them even.
        assert_eq!(primes.len(), 1027);
    }

    #[test]
    fn what_the_sieve_leaves_has_no_small_divisor() {
        let small = small_primes();
        let start = [0x01, 0x86, 0xa1];
        let left = sieved(&start, &small);
        let expected: Vec<u32> = (0..2 * CANDIDATES as u32)
            .step_by(2)
            .filter(|step| small.iter().all(|p| (0x0001_86a1 + *step as usize) % p != 0))
            .collect();
        assert_eq!(left, expected);
        assert!(!left.is_empty());
    }

    #[test]
    fn a_key_is_valid_and_of_2048_bits() {
        let [key] = rsa_keys();
        key.validate().unwrap();
        assert_eq!(key.n().bits(), 2048);
        assert_eq!(key.primes().len(), 2);
        // A composite would pass the rest of this test one time in many.
        let message = BigUint::from(123_456_789u32);
        let there = message.modpow(key.e(), key.n());
        assert_eq!(there.modpow(key.d(), key.n()), message);
    }
}
