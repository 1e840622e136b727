//! A fuzz target for every parser of what vendors' devices send: the one of which the target bears
//! the name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fitgate::parsers::read(env!("CARGO_BIN_NAME"), bytes));
