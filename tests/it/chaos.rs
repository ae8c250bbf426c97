//! Several writers on one dataset, killed while they publish and while they recover; readers look all the time.

use std::collections::BTreeSet;
use std::process::Command;

use dccd_tests::{Random, Running, Scratch, Trades, files_under, kind_of, numbers_of, parse_lines, run};

const ID: &str = "binance:trade:BTC-USDT";
const STORIES: u64 = 6;
const ROUNDS: u64 = 5;
const WRITERS_MAX: u64 = 3;
/// Writers begin below this trade, so that what they send overlaps.
const BEGIN_MAX: u64 = 3_000;

fn write(scratch: &Scratch) -> Command {
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data", "--sync-ms", "1"]);
    write
}

/// A writer, and what it was given.
struct Sender {
    writer: Running,
    /// The first trade that nothing was said of yet.
    next: u64,
}

impl Sender {
    fn start(scratch: &Scratch, random: &mut Random) -> Sender {
        let mut sender = Sender { writer: Running::start(&mut write(scratch)), next: random.below(BEGIN_MAX) };
        let (pages, page) = (1 + random.below(20), 1 + random.below(300));
        let mut trades = Trades::new(ID);
        for number in 0..pages {
            let first = sender.next + number * page;
            sender.writer.write(trades.page(first..first + page));
        }
        sender
    }

    /// Takes one receipt.
    fn wait(&mut self, told: &mut BTreeSet<u64>) {
        let line = format!("{}\n", self.writer.line_with("\"stored\""));
        count(line.as_bytes(), &mut self.next, told);
    }

    /// Ends the writer one way or the other, and takes the rest of its receipts.
    fn end(self, random: &mut Random, told: &mut BTreeSet<u64>) {
        let Sender { writer, mut next } = self;
        let ended = if random.below(3) == 0 { writer.finish().expect(0) } else { writer.kill() };
        count(&ended.stdout, &mut next, told);
    }
}

/// Takes the receipts in whole lines: what was sent first is stored first.
fn count(stdout: &[u8], next: &mut u64, told: &mut BTreeSet<u64>) {
    let end = stdout.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    for line in parse_lines(&stdout[..end]).iter().filter(|line| kind_of(line) == "stored") {
        let rows = line["rows"].as_u64().expect("a number of rows");
        told.extend(*next..*next + rows);
        *next += rows;
    }
}

/// Every trade that was told is there, and none is there twice.
fn check(scratch: &Scratch, told: &BTreeSet<u64>) {
    let mut read = scratch.tool("dccd-read");
    read.args(["binance", "BTC/USDT", "--kind", "trade", "--records", "--data-path", "data"]);
    let ended = run(&mut read, "");
    if told.is_empty() && ended.status == 1 {
        return;
    }
    let ended = ended.expect(0);
    assert_eq!(ended.stderr, "");
    let numbers = numbers_of(&ended.lines());
    let unique: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(unique.len(), numbers.len(), "trades are there twice");
    assert_eq!(told.difference(&unique).next(), None, "a trade that was told is not there");
}

/// Two writers take over what is left, and one or both are killed at it.
fn recover(scratch: &Scratch, random: &mut Random) {
    let both = [Running::start(&mut write(scratch)), Running::start(&mut write(scratch))];
    for round in 0..random.below(20_000_000) {
        std::hint::black_box(round);
    }
    for writer in both {
        if random.below(3) == 0 {
            writer.finish().expect(0);
        } else {
            writer.kill();
        }
    }
}

#[test]
fn several_writers_killed_and_their_successors_too() {
    let mut random = Random::new("several_writers_killed_and_their_successors_too");
    for _ in 0..STORIES {
        let scratch = Scratch::new();
        let mut told = BTreeSet::new();
        for _ in 0..ROUNDS {
            let count = 1 + random.below(WRITERS_MAX);
            let mut senders: Vec<Sender> = (0..count).map(|_| Sender::start(&scratch, &mut random)).collect();
            senders.iter_mut().for_each(|sender| sender.wait(&mut told));
            check(&scratch, &told);
            senders.into_iter().for_each(|sender| sender.end(&mut random, &mut told));
            check(&scratch, &told);
            if random.below(2) == 0 {
                recover(&scratch, &mut random);
                check(&scratch, &told);
            }
        }
        run(&mut write(&scratch), "").expect(0);
        check(&scratch, &told);
        let mut left = files_under(&scratch.join("data/binance"));
        left.retain(|path| path.extension().is_none_or(|suffix| suffix != "parquet"));
        left.extend(files_under(&scratch.join("data/.dccd/journal")));
        assert!(left.is_empty(), "{left:?} is left");
    }
}
