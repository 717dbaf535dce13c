//! Any history of a desktop: the decoder ends with its pixels.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_codec::oracle::roundtrip_any(input));
