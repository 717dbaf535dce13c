//! Any text as a code, a token, a fingerprint and an address, and made fit for a terminal.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_transport::oracle::text(input));
