//! A machine with dccd installed as its package installs it, beside a simulated exchange.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dccd_record::{Range, RangeSet, Ts};
use dccd_tests::{Machine, Scratch, Sim, instant, kind_of, of_kind, run};
use serde_json::Value;

use crate::packages::make::deb;

/// Nothing that a test looks at is so long before or after its begin.
const AROUND: Duration = Duration::from_secs(2 * 3_600);
const SEEDS_MAX: u32 = 20;

/// What a test of units works with.
pub(crate) struct Site {
    pub(crate) machine: Machine,
    pub(crate) sim: Sim,
    scratch: Scratch,
    /// The flags that make the world what it is.
    world: Vec<String>,
}

impl Site {
    /// A machine with the package installed, and an exchange; `None`, said aloud, where no machine can be booted.
    pub(crate) fn new(what: &str) -> Option<Site> {
        let machine = Machine::boot(what)?;
        let scratch = Scratch::new();
        let world = calm_world(&scratch, SystemTime::now());
        let flags: Vec<&str> = world.iter().map(String::as_str).collect();
        let sim = machine.in_network(|| Sim::start(&scratch, &flags));
        machine.write("/root/dccd.deb", std::fs::read(deb(what)?).expect("the package"));
        // Nothing here is for man-db to index.
        machine.says("rm -f /var/lib/man-db/auto-update; DEBIAN_FRONTEND=noninteractive dpkg -i /root/dccd.deb");
        Some(Site { machine, sim, scratch, world })
    }

    /// A configuration with the exchange's addresses added.
    pub(crate) fn with_exchange(&self, text: &str) -> String {
        let (rest, live) = (self.sim.url(), self.sim.url().replacen("http", "ws", 1));
        format!("{text}exchanges: {{binance: {{rest_url: '{rest}', archive_url: '{rest}', ws_url: '{live}'}}}}\n")
    }

    /// Writes the configuration without telling anybody.
    pub(crate) fn write_config(&self, text: &str) {
        self.machine.write("/etc/dccd/config.yml", self.with_exchange(text));
    }

    /// What a user does who changes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        self.write_config(text);
        self.machine.says("systemctl daemon-reload");
    }

    /// Settings of a unit by its administrator, for whenever systemd reads them.
    pub(crate) fn drop_in(&self, unit: &str, text: &str) {
        self.machine.write(&format!("/etc/systemd/system/{unit}.d/90-test.conf"), text);
    }

    /// A page of the simulator's own.
    pub(crate) fn page(&self, path: &str) -> Value {
        self.machine.in_network(|| self.sim.page(path))
    }

    /// What time it is for the exchange.
    pub(crate) fn now(&self) -> Ts {
        Ts::from_millis(self.page("/sim/stats")["now_ms"].as_i64().expect("a clock")).expect("believable")
    }

    /// What the store has of a pair's trades.
    pub(crate) fn trades(&self, pair: &str) -> Vec<Value> {
        let read = "cd /var/lib/dccd && setpriv --reuid=dccd --regid=dccd --init-groups dccd-read --data-path data --kind trade binance";
        let ended = self.machine.run(&format!("{read} {pair}"));
        let is_nothing = ended.status == 1;
        if is_nothing { Vec::new() } else { ended.expect(0).lines() }
    }

    /// Waits until trades of a pair are known to be whole up to some instant.
    #[track_caller]
    pub(crate) fn wait_for_cover(&self, pair: &str, after: Ts) {
        self.machine.wait_for(&format!("{pair} is covered up to {after}"), || {
            covered(&self.trades(pair)).hull().filter(|hull| hull.end() > after)
        });
    }

    /// Fails the test unless every trade from the first covered instant to `end` is stored, and each once.
    #[track_caller]
    pub(crate) fn assert_trades_are_whole(&self, pair: &str, end: Ts) {
        let lines = self.trades(pair);
        let covered = covered(&lines);
        let hull = covered.hull().expect("something is covered");
        let asked = Range::new(hull.start(), end).expect("something was covered before the end");
        assert_eq!(covered.missing(asked).iter().collect::<Vec<_>>(), [], "{pair}: gaps are left");
        let mut stored: BTreeMap<String, u32> = BTreeMap::new();
        of_kind(&lines, "trade").for_each(|trade| *stored.entry(key(trade)).or_default() += 1);
        let twice: Vec<_> = stored.iter().filter(|(_, count)| **count != 1).collect();
        assert!(twice.is_empty(), "{pair}: trades are there twice: {twice:?}");
        let truth = self.truth(pair, asked);
        assert!(truth.len() > 50, "{pair}: hardly anything happened");
        let missing: Vec<_> = truth.iter().filter(|trade| !stored.contains_key(&key(trade))).collect();
        assert!(missing.is_empty(), "{pair}: of {} trades {} are not there: {missing:?}", truth.len(), missing.len());
        let known: BTreeMap<String, &Value> = truth.iter().map(|trade| (key(trade), trade)).collect();
        for trade in of_kind(&lines, "trade").filter(|trade| asked.contains(instant(&trade["ts"]))) {
            assert!(known.contains_key(&key(trade)), "{pair}: {trade} never happened");
        }
    }

    fn truth(&self, pair: &str, range: Range) -> Vec<Value> {
        let mut truth = self.scratch.tool("dccd-sim");
        truth.args(&self.world).args(["truth", "binance", pair, "--kind", "trade"]);
        truth.args(["--start", &range.start().to_string(), "--end", &range.end().to_string()]);
        let lines = run(&mut truth, "").expect(0).lines();
        lines.into_iter().filter(|line| kind_of(line) == "trade").collect()
    }
}

fn key(trade: &Value) -> String {
    format!("{} {} {}", trade["tid"], trade["ts"], trade["price"].as_f64().unwrap_or(0.0))
}

fn covered(lines: &[Value]) -> RangeSet {
    of_kind(lines, "covered").filter_map(|line| Range::new(instant(&line["start"]), instant(&line["end"]))).collect()
}

/// A world in which the exchange does not stand still in the hours around an instant.
fn calm_world(scratch: &Scratch, now: SystemTime) -> Vec<String> {
    for seed in 1..=SEEDS_MAX {
        let world = ["--seed", &seed.to_string(), "--trades-per-day", "2000000", "--burst", "0"].map(str::to_owned);
        let mut truth = scratch.tool("dccd-sim");
        truth.args(&world).args(["--now", &stamp(now + AROUND), "truth", "binance", "BTC/USDT", "--span", "1m"]);
        truth.args(["--start", &stamp(now - AROUND), "--end", &stamp(now + AROUND)]);
        let lines = run(&mut truth, "").expect(0).lines();
        let minutes = of_kind(&lines, "candle").count();
        if minutes >= usize::try_from(2 * AROUND.as_secs() / 60).expect("a few hours") - 1 {
            return world.to_vec();
        }
    }
    panic!("an exchange that always stands still");
}

fn stamp(time: SystemTime) -> String {
    let since_1970 = time.duration_since(UNIX_EPOCH).expect("our clock is right").as_secs();
    Ts::from_secs(i64::try_from(since_1970).expect("it fits")).expect("believable").to_string()
}
