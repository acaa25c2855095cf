//! The signature of a call: proof for the receiver that it comes from this Bursar, unchanged.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// Header with the signature.
pub const SIGNATURE_HEADER: &str = "x-bursar-signature";

/// `sha256=` and the HMAC-SHA256 of the body in lower-case hex. For GET, which has no body, it is
/// that of the query as sent, without the question mark.
///
/// There is no time of its own in it: the signed values hold the event's `time` and `eventId`, so
/// a receiver that remembers ids recognises a call that somebody sends again.
pub fn signature(key: &Secret, signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(signed);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature(&Secret::new("Jefe"), b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
