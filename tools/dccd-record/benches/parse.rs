//! Lines per second of the parser and the writer, on generated trades.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use dccd_record::{
    BufferedLine, CandleBuilder, Line, LineBuffer, LineWriter, Number, Parser, QuoteVolume, Side, Span, Trade, Ts,
};

const LINES: u64 = 200_000;
const ROUNDS: usize = 11;

fn main() {
    let text = trade_lines();
    let bytes = text.len() / usize::try_from(LINES).unwrap_or(1);
    let cut = fastest(|| {
        for_lines(&text, |line| {
            black_box(line);
        });
    });
    let parse = fastest(|| {
        let mut parser = Parser::new();
        for_lines(&text, |line| drop(black_box(parser.parse(line))));
    });
    let fields = fastest(|| {
        let mut parser = Parser::new();
        for_lines(&text, |line| {
            if let Some(trade) = trade(&mut parser, line) {
                black_box(trade.price.to_f64() * trade.amount.to_f64());
            }
        });
    });
    let mut parser = Parser::new();
    let spaced: Vec<Vec<u8>> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| [line.strip_suffix(b"}").unwrap_or(line), &b" }"[..]].concat())
        .collect();
    let any = fastest(|| {
        for line in &spaced {
            let _ = black_box(parser.parse(black_box(line)));
        }
    });
    let trades: Vec<Trade<'_>> =
        text.split(|byte| *byte == b'\n').filter_map(|line| trade(&mut parser, line)).collect();
    let dataset = "binance:trade:BTC-USDT".parse().expect("an id");
    let mut out = Vec::with_capacity(text.len());
    let write = fastest(|| {
        out.clear();
        let mut writer = LineWriter::new(&dataset);
        for trade in &trades {
            writer.trade(trade, &mut out);
        }
        black_box(&out);
    });
    let candles = fastest(|| {
        let mut builder = CandleBuilder::new(Span::MINUTE, QuoteVolume::Summed);
        for trade in &trades {
            let _ = black_box(builder.trade(trade));
        }
    });
    let mut report = std::io::stdout().lock();
    for (name, took) in [
        ("cut into lines", cut),
        ("and parse", parse),
        ("and parse to f64", fields),
        ("parse, not in our own hand", any),
        ("write", write),
        ("candle", candles),
    ] {
        let seconds = took.as_secs_f64() / f64::from(u32::try_from(LINES).unwrap_or(u32::MAX));
        let _ = writeln!(
            report,
            "{name:28} {:>10.0} lines/s {:>8.1} ns/line, lines of {bytes} bytes",
            1.0 / seconds,
            seconds * 1e9
        );
    }
}

fn for_lines(text: &[u8], mut take: impl FnMut(&[u8])) {
    let (mut lines, mut input) = (LineBuffer::new(), text);
    loop {
        match lines.next_line() {
            BufferedLine::Line(line) => take(line),
            BufferedLine::TooLong => {}
            BufferedLine::Starved => {
                if lines.fill(&mut input).is_ok_and(|count| count == 0) {
                    return;
                }
            }
        }
    }
}

fn trade<'a>(parser: &mut Parser, line: &'a [u8]) -> Option<Trade<'a>> {
    match parser.parse(line) {
        Ok(Line::Trade(_, trade)) => Some(trade),
        _ => None,
    }
}

/// A walk with the shape of a busy Binance pair.
fn trade_lines() -> Vec<u8> {
    let dataset = "binance:trade:BTC-USDT".parse().expect("an id");
    let mut writer = LineWriter::new(&dataset);
    let mut out = Vec::new();
    let mut random = 1_u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let (mut micros, mut cents) = (1_704_067_200_000_000_i64, 4_228_358_u64);
    for id in 0..LINES {
        micros += i64::try_from(draw(40_000)).unwrap_or(0);
        cents = cents + draw(21) - 10;
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let amount = format!("{}.{:05}", draw(100) / 99, draw(100_000));
        let trade = Trade {
            ts: Ts::from_micros(micros).expect("a time in 2024"),
            price: Number::new(&price).expect("a price"),
            amount: Number::new(&amount).expect("an amount"),
            side: Some(if draw(2) == 0 { Side::Buy } else { Side::Sell }),
            tid: Some((2_807_759_891 + id).to_string().into()),
            recv_ts: None,
        };
        writer.trade(&trade, &mut out);
    }
    out
}

/// The shortest of some rounds: what disturbs only ever adds.
fn fastest(mut round: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            round();
            begun.elapsed()
        })
        .min()
        .unwrap_or_default()
}
