//! Any lines as annotations of three people.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera::annotate::oracle::annotations(input));
