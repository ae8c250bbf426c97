//! The network is cut for an hour: nothing of what is connected comes any more, nobody can connect or ask, and nobody
//! says goodbye.

use super::*;

/// An hour goes by in half a minute.
const SPEED: i64 = 120;
const CUT_NANOS: i64 = 3_600 * 1_000_000_000;
/// Afterwards, a connection is noticed to be dead and opened anew in this time.
const RECOVERY_MAX: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(500);

#[test]
fn an_hour_without_a_network() {
    thread::scope(|scope| {
        for venue in [KRAKEN, BINANCE, KRAKEN_FUTURES, BYBIT, OKX, COINBASE, BITFINEX] {
            scope.spawn(move || tell(&venue));
        }
    });
}

fn tell(venue: &Venue) {
    let scratch = Scratch::new();
    let world = ["--seed", "7", "--trades-per-day", "40000", "--burst", "0"];
    let sim = start_sim(&scratch, SPEED, &world);
    let pipe = Pipe::start(&scratch, &sim, venue);
    wait_for_cover(&scratch, venue, Ts::MIN);
    let begun = now_of(&sim);
    // At first packets vanish, later routers say that there is no way.
    for (faults, nanos) in
        [(["stall", "ws-stall", "ws-hang"], CUT_NANOS / 2), (["reset", "ws-stall", "ws-refuse"], CUT_NANOS)]
    {
        sim.page("/sim/faults?clear=1");
        faults.iter().for_each(|fault| drop(sim.page(&format!("/sim/faults?kind={fault}"))));
        while now_of(&sim) < begun.saturating_add(nanos) {
            thread::sleep(LOOK);
        }
    }
    sim.page("/sim/faults?clear=1");
    wait_for_cover(&scratch, venue, now_of(&sim));
    pipe.stop();
    let end = now_of(&sim);
    check(&scratch, venue, &world, end, false);
    repair(&scratch, &sim, venue);
    check(&scratch, venue, &world, end, true);
}

/// Waits until something behind this time is known to be whole of each series.
fn wait_for_cover(scratch: &Scratch, venue: &Venue, behind: Ts) {
    let begun = Instant::now();
    let mut left: Vec<_> = venue.series().collect();
    while !left.is_empty() {
        assert!(begun.elapsed() < RECOVERY_MAX, "{}: nothing is covered behind {behind} of {left:?}", venue.exchange);
        thread::sleep(LOOK);
        let is_covered = |series: (&str, &str)| {
            of_kind(&stored(scratch, venue, series), "covered").any(|line| range_of(line).end() > behind)
        };
        left.retain(|series| !is_covered(*series));
    }
}
