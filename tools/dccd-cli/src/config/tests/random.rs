use std::time::{SystemTime, UNIX_EPOCH};

use dccd_record::Dataset;

use super::super::{Absences, Config};
use super::{NEW, OLD};

/// A small generator (xorshift64*); its seed is printed so that a failure can be had again.
struct Random(u64);

impl Random {
    fn new() -> Random {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos());
        let seed = std::env::var("DCCD_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or(1)) | 1;
        announce(seed);
        Random(seed)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or(0) % end.max(1)
    }
}

#[expect(clippy::print_stderr, reason = "a failure is had again with its seed")]
fn announce(seed: u64) {
    eprintln!("DCCD_TEST_SEED={seed}");
}

/// Pieces that mean something in YAML.
const PIECES: &[&str] = &[
    "\n", " ", "  ", "\t", ":", ": ", "- ", "-", "[", "]", "{", "}", ",", "#", " #", "'", "\"", "&a", "*a", "<<: *a",
    "!x", "|", ">", "?", "~", "null", "\\", "%", "@", "0", "1e999", ".inf", "-", "\r\n", "\u{85}", "\u{feff}", "ü",
    "---\n", "...\n", "pairs", "exchange", "BTC/USDT", "jobs:\n", "3600",
];

fn mutate(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(chars.len() + 1);
        let end = (at + random.below(12)).min(chars.len());
        match random.below(3) {
            0 => drop(chars.drain(at..end)),
            1 => drop(chars.splice(at..at, PIECES.get(random.below(PIECES.len())).unwrap_or(&"").chars())),
            _ => {
                let piece: Vec<char> = chars.get(at..end).unwrap_or_default().to_vec();
                let to = random.below(chars.len() + 1);
                drop(chars.splice(to..to, piece));
            }
        }
    }
    chars.into_iter().collect()
}

/// Reads, and edits what can be read; what an edit gives must be a configuration with just that job more or less.
fn try_all(text: &str, new: &Dataset) -> bool {
    let (config, problems) = Config::inspect("config.yml".as_ref(), text, Absences::UNKNOWN);
    let Some(config) = config.filter(|_| problems.is_empty()) else { return false };
    if let Ok(added) = config.add(new) {
        let added = Config::parse("config.yml".as_ref(), &added).unwrap_or_else(|error| panic!("{error}\n{added}"));
        assert_eq!(added.history.len(), config.history.len() + 1);
        assert!(added.remove(new).is_ok(), "{}", added.text);
    }
    if let Some(job) = config.history.last()
        && let Ok(removed) = config.remove(&job.dataset)
    {
        let removed =
            Config::parse("config.yml".as_ref(), &removed).unwrap_or_else(|error| panic!("{error}\n{removed}"));
        assert_eq!(removed.history.len() + 1, config.history.len());
    }
    let _ = (config.effective(), config.warnings());
    true
}

#[test]
fn mutated_configurations_never_panic() {
    let mut random = Random::new();
    let new: Dataset = "binance:candle:NEW-USDT:1h".parse().unwrap_or_else(|error| panic!("{error}"));
    let mut valid = 0;
    for round in 0..3000 {
        let text = mutate(if round % 2 == 0 { OLD } else { NEW }, &mut random);
        valid += usize::from(try_all(&text, &new));
    }
    assert!(valid > 50, "only {valid} were valid: the edits were hardly tried");
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::new();
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..random.below(200)).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect();
        let text = String::from_utf8_lossy(&bytes);
        let _ = Config::inspect("config.yml".as_ref(), &text, Absences::UNKNOWN);
        let pieces: String =
            (0..random.below(40)).filter_map(|_| PIECES.get(random.below(PIECES.len()))).copied().collect();
        let _ = Config::inspect("config.yml".as_ref(), &pieces, Absences::UNKNOWN);
    }
}
