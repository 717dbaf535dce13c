//! Any bytes as what participants say to each other: messages, roster entries, images of the cursor, input events.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tessera::oracle::session(input));
