//! Lines with several viewers under loss, reorder and damage: all of them end with the pixels.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_codec::oracle::state_any(input));
