//! Cookies: a relay learns that a participant receives packets at its address, and remembers nothing for it.

use crate::relay::message::{Cookie, address_octets};
use core::net::SocketAddr;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A cookie is good during the window in which it was made and the one after it: seconds in a window. A participant
/// that asks every few seconds always has a good one; a recorded one is worthless after two minutes.
pub const WINDOW_S: u64 = 60;

/// Makes and recognises cookies by a key that nobody else has.
pub struct Cookies {
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies")
    }
}

impl Cookies {
    /// Cookies under `key`, which must be fresh from a cryptographic random source.
    pub fn new(key: &[u8; 32]) -> Self {
        // A block of zeroes follows the key, as HMAC pads it (RFC 2104, section 2).
        let mut block = [0; 64];
        for (padded, byte) in block.iter_mut().zip(key) {
            *padded = *byte;
        }
        Self { keyed: Hmac::new(&block.into()) }
    }

    /// The cookie for `address` at `now_s`, seconds from any fixed start.
    pub fn make(&self, address: SocketAddr, now_s: u64) -> Cookie {
        let mut cookie = [0; 16];
        let tag = self.of_window(address, now_s / WINDOW_S).finalize().into_bytes();
        for (byte, source) in cookie.iter_mut().zip(tag) {
            *byte = source;
        }
        Cookie(cookie)
    }

    /// Whether `cookie` was made for `address` in this window or the one before.
    pub fn is_good(&self, cookie: &Cookie, address: SocketAddr, now_s: u64) -> bool {
        let window = now_s / WINDOW_S;
        let made_in =
            |window| self.of_window(address, window).verify_truncated_left(&cookie.0).is_ok();
        made_in(window) || window.checked_sub(1).is_some_and(made_in)
    }

    fn of_window(&self, address: SocketAddr, window: u64) -> Hmac<Sha256> {
        let mut keyed = self.keyed.clone();
        keyed.update(&window.to_le_bytes());
        keyed.update(&address_octets(address.ip()));
        keyed.update(&address.port().to_le_bytes());
        keyed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_cookie_is_good_at_its_address_for_its_window_and_the_next() {
        let cookies = Cookies::new(&[7; 32]);
        let place = address("192.0.2.1:4000");
        let cookie = cookies.make(place, WINDOW_S);
        for (now_s, good) in
            [(0, false), (WINDOW_S, true), (3 * WINDOW_S - 1, true), (3 * WINDOW_S, false)]
        {
            assert_eq!(cookies.is_good(&cookie, place, now_s), good, "at {now_s} s");
        }
        for other in ["192.0.2.1:4001", "192.0.2.2:4000", "[2001:db8::1]:4000"] {
            assert!(!cookies.is_good(&cookie, address(other), WINDOW_S), "{other}");
        }
        assert!(!Cookies::new(&[8; 32]).is_good(&cookie, place, WINDOW_S), "another relay's");
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_its_ipv6_form() {
        let cookies = Cookies::new(&[7; 32]);
        let cookie = cookies.make(address("[::ffff:192.0.2.1]:9"), 0);
        assert!(cookies.is_good(&cookie, address("192.0.2.1:9"), 0));
    }
}
