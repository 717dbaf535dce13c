//! Any packet as a message between a participant and a relay.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_transport::oracle::relay(input));
