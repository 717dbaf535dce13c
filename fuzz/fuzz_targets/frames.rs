//! Any bytes as a stream of frames: the same frames however they are cut into chunks.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera_transport::oracle::frames(input));
