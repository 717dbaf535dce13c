//! Any bytes as acknowledgements and as messages of pairing and of the center.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_transport::oracle::messages(input));
