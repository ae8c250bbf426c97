//! Times of jobs: what systemd and snooze are told is what cron means.

use std::process::Command;

use dccd_cli::config::Cron;
use dccd_tests::{Random, Scratch, find_command, run, skip};
use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

const JOBS: usize = 150;
/// How many times are compared of each.
const TIMES: usize = 8;
/// One whose clocks never change, and which is far from UTC.
const ZONE: &str = "Asia/Tokyo";
/// Values that meet ends of months, leap days, and years.
const BEGIN: &str = "2027-12-20T00:00:00Z";

#[test]
fn times_of_cron_mean_the_same_to_systemd() {
    if find_command("systemd-analyze").is_none() {
        return skip("comparing times with systemd", "systemd-analyze is not installed");
    }
    let begin: Timestamp = BEGIN.parse().expect("an instant");
    for (number, cron, scratch) in configured() {
        let generated = format!("gen/dccd-fetch@binance:candle:A{number}-USDT:1h.timer.d/60-generated.conf");
        let lines = std::fs::read_to_string(scratch.join(&generated)).expect("a timer of the job");
        let calendar =
            lines.lines().filter_map(|line| line.strip_prefix("OnCalendar=")).filter(|text| !text.is_empty());
        let mut analyze = scratch.program("systemd-analyze");
        analyze.args(["calendar", &format!("--iterations={TIMES}"), "--base-time=2027-12-20 00:00:00 UTC"]);
        let said = run(analyze.args(calendar), "").expect(0).text();
        let stamp = |line: &str| {
            let (name, time) = line.trim().split_once(": ")?;
            let is_time = name == "Next elapse" || name.starts_with("Iter");
            is_time
                .then(|| time.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join("T").parse::<DateTime>())?
                .ok()
        };
        let found = first(said.lines().filter_map(stamp).collect(), TIMES);
        let wanted = times_after(&cron, begin, found.len());
        assert_eq!(found, wanted, "{cron}: {lines}");
    }
}

#[test]
fn times_of_cron_mean_the_same_to_snooze() {
    /// What snooze prints.
    const PRINTED: usize = 5;
    if find_command("snooze").is_none() {
        return skip("comparing times with snooze", "snooze is not installed");
    }
    for (number, cron, scratch) in configured() {
        let service = |suffix: &str| {
            let name = format!("tree/services/fetch-binance:candle:A{number}-USDT:1h{suffix}/data/service");
            std::fs::read_to_string(scratch.join(&name)).ok()
        };
        let mut found = Vec::new();
        let before = Timestamp::now();
        for text in [service(""), service("+")].into_iter().flatten() {
            let value = |key: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("a line of the service");
                line.trim_matches('\'').to_owned()
            };
            let times: Vec<String> =
                value("times=").split(' ').filter(|time| !time.starts_with("-J")).map(str::to_owned).collect();
            let said = run(snooze(&scratch, &value("zone=")).args(times), "").text();
            let stamp = |line: &str| {
                let time = line.get(.."2026-11-23T03:07:00".len())?.parse::<DateTime>().ok()?;
                Some(TimeZone::get(ZONE).expect("a zone").to_timestamp(time).expect("an instant"))
            };
            found.extend(said.lines().filter_map(stamp).map(|stamp| TimeZone::UTC.to_datetime(stamp)));
        }
        let found = first(found, PRINTED);
        // A minute may have passed meanwhile.
        let wanted = [before, Timestamp::now()].map(|begin| times_after(&cron, begin, found.len()));
        assert!(wanted.contains(&found), "{cron}: {found:?}, not {:?}", wanted[0]);
        // It looks a year ahead.
        let next = TimeZone::UTC.to_timestamp(times_after(&cron, before, 1)[0]).expect("an instant");
        assert!(!found.is_empty() || next > before + 8_000.hours(), "{cron}: nothing before {next}");
    }
}

fn snooze(scratch: &Scratch, zone: &str) -> Command {
    let mut snooze = scratch.program("snooze");
    snooze.env("TZ", zone).arg("-n");
    snooze
}

/// The times of an expression behind an instant, in UTC.
fn times_after(cron: &Cron, begin: Timestamp, count: usize) -> Vec<DateTime> {
    let zone = TimeZone::get(ZONE).expect("a zone");
    let mut civil = zone.to_datetime(begin);
    let mut times = Vec::new();
    while times.len() < count {
        civil = cron.next_after(civil).expect("it runs again");
        times.push(TimeZone::UTC.to_datetime(zone.to_timestamp(civil).expect("an instant")));
    }
    times
}

fn first(mut times: Vec<DateTime>, count: usize) -> Vec<DateTime> {
    times.sort();
    times.dedup();
    times.truncate(count);
    times
}

/// Expressions, each of them a job for which units and services were made.
fn configured() -> Vec<(usize, Cron, std::rc::Rc<Scratch>)> {
    let mut random = Random::new("times of cron");
    let scratch = std::rc::Rc::new(Scratch::new());
    let mut jobs = Vec::new();
    let mut text = format!("settings: {{timezone: {ZONE}}}\nhisto_jobs:\n");
    while jobs.len() < JOBS {
        let Ok(cron) = Cron::parse(&expression(&mut random)) else { continue };
        let number = jobs.len();
        text.push_str(&format!("- {{exchange: binance, pairs: [A{number}/USDT], span: 1h, cron: '{cron}'}}\n"));
        jobs.push((number, cron, std::rc::Rc::clone(&scratch)));
    }
    scratch.write(".config/dccd/config.yml", text);
    let mut generate = scratch.tool("dccd-units");
    generate.env("SYSTEMD_SCOPE", "user").env("XDG_RUNTIME_DIR", scratch.path());
    run(generate.args(["generate", "gen"]), "").expect(0);
    let mut scandir = scratch.tool("dccd-units");
    run(scandir.args(["scandir", "tree", "--scripts", "/nowhere", "--config", ".config/dccd/config.yml"]), "")
        .expect(0);
    jobs
}

fn expression(random: &mut Random) -> String {
    const SHORTCUTS: [&str; 5] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];
    if random.below(20) == 0 {
        return SHORTCUTS[usize::try_from(random.below(5)).expect("small")].to_owned();
    }
    let [minute, hour] = [(0, 59), (0, 23)].map(|bounds| field(random, bounds, 3));
    let [day, month, weekday] = [(1, 31), (1, 12), (0, 7)].map(|bounds| field(random, bounds, 6));
    format!("{minute} {hour} {day} {month} {weekday}")
}

/// A field, which is a star in some of ten times.
fn field(random: &mut Random, (from, to): (u64, u64), stars: u64) -> String {
    let mut value = || from + random.below(to - from + 1);
    let (a, b, c) = (value(), value(), value());
    let (low, high) = (a.min(b), a.max(b));
    match random.below(10) {
        form if form < stars => "*".to_owned(),
        6 => format!("*/{}", 1 + random.below(to)),
        7 => format!("{low}-{high}"),
        8 => format!("{low}-{high}/{},{c}", 1 + random.below(5)),
        9 => format!("{a},{b},{c}"),
        _ => a.to_string(),
    }
}
