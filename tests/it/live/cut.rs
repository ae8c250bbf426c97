//! The network is cut for an hour: nothing of what is connected comes any more, nobody can connect or ask, and nobody
//! says goodbye.

use super::*;

/// An hour goes by in half a minute.
const SPEED: i64 = 120;
const CUT_NANOS: i64 = 3_600 * 1_000_000_000;

#[test]
fn an_hour_without_a_network() {
    thread::scope(|scope| {
        for venue in VENUES {
            scope.spawn(move || tell(venue));
        }
    });
}

fn tell(venue: &Venue) {
    let scratch = Scratch::new();
    let world = ["--seed", "7", "--trades-per-day", "40000", "--burst", "0"];
    let sim = start_sim(&scratch, SPEED, &world);
    let pipe = Pipe::start(&scratch, &sim, venue);
    wait_for_cover(&scratch, venue, |_| Ts::MIN);
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
    let over = now_of(&sim);
    wait_for_cover(&scratch, venue, |_| over);
    pipe.stop();
    let end = now_of(&sim);
    check(&scratch, venue, &world, end, false);
    repair(&scratch, &sim, venue);
    check(&scratch, venue, &world, end, true);
}
