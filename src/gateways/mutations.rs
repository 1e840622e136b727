//! Every parser against mutated requests: samples cut at any byte and with bytes changed, doubled,
//! dropped or put in. A parser must come back, soon, whatever it is given. The vendors' samples are
//! read where they are at hand; the essentials are composed here, so that the test is never empty.
//! `FITGATE_MUTATIONS` sets how many executions a parser gets.

use std::{path::Path, time::Instant};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::parsers;

/// Executions of each parser in the everyday run.
const EXECUTIONS: usize = 50_000;
/// No input of a few kilobytes may take longer, even in an unoptimised build on a busy machine.
const SLOWEST_MS: u128 = 2_000;

/// The bodies of all requests in a family's folder of samples, and its bodies by themselves.
pub fn samples(family: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/protocols/fixtures");
    let Ok(entries) = std::fs::read_dir(folder.join(family)) else {
        println!("skipped: the samples of {family} are not here; only composed ones are used");
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let bodies = paths.iter().filter_map(|path| std::fs::read(path).ok());
    bodies.map(|bytes| body_of(&bytes).to_vec()).collect()
}

/// What stands behind a head, or all of it where there is none.
fn body_of(bytes: &[u8]) -> &[u8] {
    let is_request = bytes.starts_with(b"POST ") || bytes.starts_with(b"GET ");
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").filter(|_| is_request);
    end.map_or(bytes, |at| &bytes[at + 4..])
}

/// Runs the parser of a name over mutations of its family's samples and of these; says how many,
/// and the slowest.
pub fn survive(name: &str, composed: &[Vec<u8>]) {
    let parser = parsers::ALL.iter().find(|parser| parser.name == name).expect("a parser's name");
    let samples = [&samples(parser.samples)[..], composed].concat();
    assert!(!composed.is_empty(), "{name} has no sample");
    let executions = executions();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut slowest = 0;
    let mut run = |bytes: &[u8]| {
        let took = || {
            let began = Instant::now();
            (parser.read)(bytes);
            began.elapsed().as_millis()
        };
        let first = took();
        // Whoever is slow twice is slow; once may be the machine.
        slowest = slowest.max(if first < SLOWEST_MS { first } else { first.min(took()) });
    };
    let mut done = 0;
    // Every cut of every sample first.
    for sample in &samples {
        for cut in 0..=sample.len() {
            if done < executions / 2 {
                run(&sample[..cut]);
                done += 1;
            }
        }
    }
    while done < executions {
        let mut bytes = samples[random.random_range(0..samples.len())].clone();
        for _ in 0..random.random_range(1..=4) {
            mutate(&mut bytes, &mut random);
        }
        run(&bytes);
        done += 1;
    }
    println!("{name}: {done} executions, the slowest {slowest} ms");
    assert!(slowest < SLOWEST_MS, "{name} took {slowest} ms");
}

fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    /// Bytes that mean something to one protocol or another.
    const SPECIAL: &[u8] = b"\t\r\n=&,:\"\\{}[]<>/-+ \x00\x7f\x80\xff0179TtZe.%";
    if bytes.is_empty() {
        bytes.push(random.random());
        return;
    }
    let at = random.random_range(0..bytes.len());
    let special = SPECIAL[random.random_range(0..SPECIAL.len())];
    match random.random_range(0..8) {
        0 => bytes[at] = random.random(),
        1 => bytes[at] = special,
        2 => bytes[at] ^= 1 << random.random_range(0..8),
        3 => bytes.insert(at, special),
        4 => {
            let end = (at + random.random_range(1..=16)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let end = (at + random.random_range(1..=64)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            let to = random.random_range(0..=bytes.len());
            bytes.splice(to..to, part);
        }
        6 => bytes.truncate(at),
        _ => {
            let digits = [&b"999999999999999999999999"[..], b"-1", b"1e309", b"0", b"2147483648"];
            let number = digits[random.random_range(0..digits.len())];
            bytes.splice(at..at, number.iter().copied());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long to try is no setting of a server")]
fn executions() -> usize {
    let set = std::env::var("FITGATE_MUTATIONS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(EXECUTIONS)
}

#[test]
fn every_parser_has_a_fuzz_target_and_mutations() {
    let targets = include_str!("../../tests/fuzz/Cargo.toml");
    let targets = targets.split("[[bin]]\nname = \"").skip(1);
    let targets: Vec<&str> = targets.filter_map(|rest| rest.split('"').next()).collect();
    let names: Vec<&str> = parsers::ALL.iter().map(|parser| parser.name).collect();
    assert_eq!(targets, names);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateways");
    let mut sources = vec![folder];
    let mut text = String::new();
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            sources.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    let text: String = text.split_whitespace().collect();
    for name in names {
        assert!(text.contains(&format!("survive(\"{name}\"")), "{name} is not mutated");
    }
}
