//! Series of contracts whose size REST has to say first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::program::Program;
use crate::server::{FIRST_MS, Server};

const ARGS: [&str; 4] = ["okx", "ETH/USDT:perp", "BTC/USDT", "-q"];
const SIZE: &str =
    r#"{"code":"0","msg":"","data":[{"instId":"ETH-USDT-SWAP","ctVal":"0.1","ctMult":"1","ctValCcy":"ETH"}]}"#;

/// What stands in for OKX: it says each second that a trade was made, of whatever is asked for.
fn okx(size: impl Fn() -> Option<String> + Send + Sync + 'static) -> Server {
    let rest = move |path: &str| if path.starts_with("/api/v5/public/instruments") { size() } else { None };
    Server::with_rest(rest, |_, visit| {
        let Some(mut peer) = visit.accept() else { return };
        let Some(asked) = peer.hear() else { return };
        let asked: Value = serde_json::from_str(&asked).expect("a request");
        for arg in asked["args"].as_array().expect("what is asked for") {
            peer.say(&format!(r#"{{"event":"subscribe","arg":{arg},"connId":"a"}}"#));
            let name = arg["instId"].as_str().expect("an instrument");
            for id in 0..5 {
                let ms = FIRST_MS + id * 1000;
                peer.say(&format!(
                    r#"{{"arg":{arg},"data":[{{"instId":"{name}","tradeId":"{id}","px":"1.50","sz":"20","side":"buy","ts":"{ms}"}}]}}"#
                ));
            }
        }
        peer.stay();
    })
}

#[test]
fn who_waits_for_the_size_of_a_contract_holds_nobody_up() {
    let is_known = Arc::new(AtomicBool::new(false));
    let known = Arc::clone(&is_known);
    let server = okx(move || known.load(Ordering::SeqCst).then(|| SIZE.to_owned()));
    let mut program = Program::start(&server, &ARGS);
    let mut is_spot_there = false;
    let mut is_failed = false;
    program.wait_until(|line| {
        is_spot_there |= line["kind"] == "trade" && line["pair"] == "BTC/USDT";
        is_failed |= line["kind"] == "failed";
        is_spot_there && is_failed
    });
    is_known.store(true, Ordering::SeqCst);
    let mut left = 5;
    program.wait_until(|line| {
        left -= usize::from(line["kind"] == "trade" && line["pair"] == "ETH/USDT:perp");
        left == 0
    });
    let run = program.stop();
    assert_eq!((run.status, server.opened().len()), (Some(0), 2), "{}", run.stderr);
    let amounts = |pair: &str| -> Vec<String> {
        run.of("trade").filter(|line| line["pair"] == pair).map(|line| line["amount"].to_string()).collect()
    };
    assert_eq!((amounts("BTC/USDT"), amounts("ETH/USDT:perp")), (vec!["20".to_owned(); 5], vec!["2".to_owned(); 5]));
    let failed: Vec<&Value> = run.of("failed").collect();
    let [failed] = failed[..] else { panic!("it is said once: {failed:?}") };
    assert_eq!((&failed["pair"], &failed["retry"]), (&"ETH/USDT:perp".into(), &true.into()));
    let reason = failed["error"].as_str().unwrap_or_default();
    assert!(reason.starts_with("the size of its contract is not known: "), "{reason}");
    assert!(run.stderr.contains(&format!("okx:trade:ETH-USDT_PERP: {reason}")), "{}", run.stderr);
}

#[test]
fn who_never_learns_the_size_of_a_contract_ends_well() {
    let is_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_asked);
    let server = okx(move || {
        asked.store(true, Ordering::SeqCst);
        // No answer for as long as anybody may want one.
        std::thread::park_timeout(crate::PATIENCE);
        None
    });
    let mut program = Program::start(&server, &ARGS);
    program.wait_for("trade", 5);
    let began = std::time::Instant::now();
    while !is_asked.load(Ordering::SeqCst) {
        assert!(began.elapsed() < crate::PATIENCE, "REST is not asked");
        std::thread::yield_now();
    }
    let run = program.stop();
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert!(run.of("job").any(|line| line["pair"] == "ETH/USDT:perp"), "its order is taken up");
    assert!(run.of("covered").all(|line| line["pair"] == "BTC/USDT"), "{:?}", run.lines);
}
