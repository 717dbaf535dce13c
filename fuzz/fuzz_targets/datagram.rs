//! Any bytes as a datagram: refused, or written again as they were read.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_transport::oracle::datagram(input));
