//! The writer killed at random moments: what it acknowledged is there, once, and the ledger claims no more.

use std::collections::BTreeSet;
use std::process::Command;

use dccd_tests::{Random, Running, Scratch, Trades, files_under, instant, kind_of, numbers_of, of_kind, run};

const ID: &str = "binance:trade:BTC-USDT";
/// How often the writer is killed.
const KILLS: u64 = 300;
/// How often a store is killed before a new one is begun.
const KILLS_PER_STORE: u64 = 10;

fn write(scratch: &Scratch, random: &mut Random) -> Command {
    let mut write = scratch.tool("dccd-write");
    let sync_ms = ["1", "5", "20"][usize::try_from(random.below(3)).expect("a small number")];
    write.args(["--data-path", "data", "--sync-ms", sync_ms]);
    write
}

/// What a store holds, and what was said of it.
struct Story {
    scratch: Scratch,
    /// Trades below this number were acknowledged.
    acknowledged: u64,
}

impl Story {
    /// Writes on from what was acknowledged, kills somewhere, and looks.
    fn kill_once(&mut self, random: &mut Random) {
        let mut trades = Trades::new(ID);
        // Now and then a lot at once, so that the direct way is killed as well.
        let (pages_max, page_max) = if random.below(10) == 0 { (4, 40_000) } else { (40, 200) };
        let (pages, page) = (1 + random.below(pages_max), 1 + random.below(page_max));
        let begin = self.acknowledged.saturating_sub(random.below(500));
        let mut writer = Running::start(&mut write(&self.scratch, random));
        let die_after = random.below(pages + 1);
        let mut durable = begin;
        for number in 0..pages {
            let first = begin + number * page;
            writer.write(trades.page(first..first + page));
            if number == die_after {
                break;
            }
            if random.below(3) == 0 {
                durable += rows_of(&writer.line_with("\"stored\""));
            }
        }
        if random.below(3) == 0 {
            // At the end of input it publishes.
            writer.close_stdin();
        }
        spin(random.below(3_000_000));
        let ended = writer.kill();
        for line in whole_lines(&ended.stdout) {
            if kind_of(&line) == "stored" {
                durable += line["rows"].as_u64().expect("a number of rows");
            }
        }
        self.acknowledged = self.acknowledged.max(durable);
        self.check(random);
    }

    /// The next writer finishes the work; then every acknowledged trade is there, and no trade twice.
    fn check(&self, random: &mut Random) {
        if random.below(2) == 0 {
            self.check_contents();
        }
        if random.below(2) == 0 {
            // The one that finishes the work is killed as well.
            let mut writer = Running::start(&mut write(&self.scratch, random));
            writer.close_stdin();
            spin(random.below(3_000_000));
            writer.kill();
        }
        run(&mut write(&self.scratch, random), "").expect(0);
        self.check_contents();
        let aside = self.scratch.join("data/.dccd/aside");
        assert!(!aside.exists() || files_under(&aside).is_empty(), "a file became unreadable");
    }

    fn check_contents(&self) {
        let mut read = self.scratch.tool("dccd-read");
        read.args(["binance", "BTC/USDT", "--kind", "trade", "--data-path", "data"]);
        let ended = run(&mut read, "");
        // 1: nothing is stored; 74: not even the folder is there.
        if self.acknowledged == 0 && [1, 74].contains(&ended.status) {
            return;
        }
        let lines = ended.expect(0).lines();
        let numbers = numbers_of(&lines);
        let unique: BTreeSet<u64> = numbers.iter().copied().collect();
        assert_eq!(unique.len(), numbers.len(), "trades are there twice");
        let missing = (0..self.acknowledged).find(|number| !unique.contains(number));
        assert_eq!(missing, None, "an acknowledged trade of {} is lost", self.acknowledged);
        for covered in of_kind(&lines, "covered") {
            let (start, end) = (instant(&covered["start"]), instant(&covered["end"]));
            let missing =
                (Trades::number_from(start)..Trades::number_from(end)).find(|number| !unique.contains(number));
            assert_eq!(missing, None, "a trade is covered and not there: {covered}");
        }
    }
}

/// The lines up to the last LF: a killed writer may leave half a line.
fn whole_lines(stdout: &[u8]) -> Vec<serde_json::Value> {
    let end = stdout.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    dccd_tests::parse_lines(&stdout[..end])
}

fn rows_of(line: &str) -> u64 {
    dccd_tests::parse_lines(format!("{line}\n").as_bytes())[0]["rows"].as_u64().expect("a number of rows")
}

/// A random moment without a sleep.
fn spin(rounds: u64) {
    for round in 0..rounds {
        std::hint::black_box(round);
    }
}

#[test]
fn killed_at_random_moments() {
    let mut random = Random::new("killed_at_random_moments");
    for _ in 0..KILLS / KILLS_PER_STORE {
        let mut story = Story { scratch: Scratch::new(), acknowledged: 0 };
        for _ in 0..KILLS_PER_STORE {
            story.kill_once(&mut random);
        }
    }
}
