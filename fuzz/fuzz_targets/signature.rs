#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edgeway_hostile::signature(data));
