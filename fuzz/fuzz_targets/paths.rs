//! Any bytes as candidates, and as what a network does to sealed probes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_transport::oracle::paths(input));
