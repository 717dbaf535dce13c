//! Any bytes as updates: refused or applied, never a panic, never half.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_codec::oracle::decode_any(input));
