//! What a person at a terminal sees.

use dccd_tests::{find_command, run, skip};

use crate::desk::Desk;

const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs: [{exchange: binance, pairs: [BTC/USDT, ETH/USDT, SOL/USDT], span: 60, start: 2024-02-20, end: 2024-02-28}]
";

#[test]
fn a_bar_shows_how_much_of_all_is_done() {
    if find_command("script").is_none() {
        return skip("what a terminal shows", "script is not installed");
    }
    let flags = ["--now", "2024-03-01T12:00:00Z", "--fault", "delay:ms=100,path=/api/"];
    let desk = Desk::new(CONFIG, &[&flags[..], &["--fault", "html:path=/data/,status=404"]].concat());
    let ended = run(&mut desk.shell("exec script -qec 'dccd backfill' /dev/null"), "").expect(0);
    let shown = ended.text();
    for wanted in ["0 of 3 ranges", "1 of 3 ranges", "2 of 3 ranges", "s left", "Done. successes=3 failures=0"] {
        assert!(shown.contains(wanted), "{wanted:?} is never shown: {shown:?}");
    }
    let percents = shown.split(" %").filter_map(|text| text.rsplit([' ', ']']).next()?.parse::<u32>().ok());
    let percents: Vec<u32> = percents.collect();
    assert!(percents.len() > 5 && percents.is_sorted(), "{percents:?}");
    assert!(percents.first() < Some(&30), "the first range is not all there is: {percents:?}");
    let quiet = run(&mut desk.shell("exec script -qec 'dccd backfill -q' /dev/null"), "").expect(0);
    assert_eq!(quiet.text().trim_end(), "Done. successes=3 failures=0");
    let piped = desk.run(&["backfill"], 0);
    assert_eq!(piped.stderr, "", "nobody looks");
}

#[test]
fn one_line_shows_how_far_each_exchange_is() {
    if find_command("script").is_none() {
        return skip("what a terminal shows", "script is not installed");
    }
    let okx = ", {exchange: okx, pairs: [BTC/USDT], span: 60, start: 2024-02-20, end: 2024-02-23}]\n";
    let flags = ["--now", "2024-03-01T12:00:00Z", "--fault", "delay:ms=100,path=/api/"];
    let flags = [&flags[..], &["--fault", "html:path=/data/,status=404"]].concat();
    let desk = Desk::new(&CONFIG.replace("}]\n", &format!("}}{okx}")), &flags);
    let ended = run(&mut desk.shell("exec script -qec 'dccd backfill --parallel' /dev/null"), "").expect(0);
    let shown = ended.text();
    for wanted in ["binance ", "okx ", " s left: ", "okx done", "binance done", "Done. successes=4 failures=0"] {
        assert!(shown.contains(wanted), "{wanted:?} is never shown: {shown:?}");
    }
    assert!(!shown.contains("progress "), "what programs say is no line for people: {shown:?}");
    let all = shown.split('\r').filter_map(|line| line.trim_start_matches("\x1b[K").split_once(" %")?.0.parse().ok());
    let percents: Vec<u32> = all.collect();
    assert!(percents.len() > 3 && percents.last() == Some(&100), "{percents:?} in {shown:?}");
    let quiet = run(&mut desk.shell("exec script -qec 'dccd backfill --parallel -q' /dev/null"), "").expect(0);
    assert_eq!(quiet.text().trim_end(), "Done. successes=4 failures=0");
    assert_eq!(desk.run(&["backfill", "--parallel"], 0).stderr, "", "nobody looks");
}
