//! Bitfinex: what is sent, what is read, and what a book adds up to.

mod recordings;

use super::{BitfinexStreams, checksum};
use crate::Impossible;
use crate::live::{Break, Event, FrameReader, Keeper, OrderBook, Streams, Subscription, SubscriptionId};
use crate::tests::frames::{book_line, candle_line, check_mutations, funding_line, said, subscriptions};
use crate::tests::{dataset, ts};

const CONF: &str = r#"{"event":"conf","status":"OK","flags":229376}"#;

/// A reader of all of some datasets, as one connection carries them.
fn reader(ids: &[&str]) -> Box<dyn FrameReader> {
    let subscriptions = subscriptions(ids);
    let links = BitfinexStreams.links(&subscriptions).expect("possible");
    assert_eq!(links.len(), 1);
    BitfinexStreams.reader(&links[0], &subscriptions)
}

/// A reader whose flags and whose only channel, number 7, are granted.
fn granted(id: &str, channel: &str, of: &str) -> Box<dyn FrameReader> {
    let mut reader = reader(&[id]);
    assert_eq!(said(&mut *reader, &[id], CONF), Ok(vec!["ignored".to_owned()]));
    let key = if channel == "candles" || channel == "status" { "key" } else { "symbol" };
    let ack = format!(r#"{{"event":"subscribed","channel":"{channel}","chanId":7,"{key}":"{of}"}}"#);
    assert_eq!(said(&mut *reader, &[id], &ack), Ok(vec!["accepted 0".to_owned()]));
    reader
}

#[test]
fn what_is_sent_is_what_is_documented() {
    let ids = [
        "bitfinex:trade:BTC-USD",
        "bitfinex:book:BTC-USDT_PERP",
        "bitfinex:candle:DOGE-USD:1d",
        "bitfinex:funding:BTC-USDT_PERP",
    ];
    let mut wanted = subscriptions(&ids);
    wanted[1].depth = Some(26);
    let links = BitfinexStreams.links(&wanted).expect("possible");
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].path, "/ws/2");
    assert_eq!(links[0].subscriptions, (0..4).map(SubscriptionId).collect::<Vec<_>>());
    assert_eq!(
        links[0].opening,
        [
            r#"{"event":"conf","flags":229376}"#,
            r#"{"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}"#,
            r#"{"event":"subscribe","channel":"book","symbol":"tBTCF0:USTF0","prec":"P0","freq":"F0","len":"100"}"#,
            r#"{"event":"subscribe","channel":"candles","key":"trade:1D:tDOGE:USD"}"#,
            r#"{"event":"subscribe","channel":"status","key":"deriv:tBTCF0:USTF0"}"#,
        ]
    );
}

#[test]
fn a_connection_has_thirty_channels() {
    let ids: Vec<String> = (0..61).map(|at| format!("bitfinex:trade:A{at}-USD")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let links = BitfinexStreams.links(&subscriptions(&ids)).expect("possible");
    let channels: Vec<usize> = links.iter().map(|link| link.subscriptions.len()).collect();
    assert_eq!(channels, [30, 30, 1]);
    assert!(links.iter().all(|link| link.opening.len() == link.subscriptions.len() + 1));
}

#[test]
fn what_is_not_pushed_is_refused() {
    let refused = |id: &str| BitfinexStreams.links(&subscriptions(&[id])).expect_err("impossible");
    assert!(matches!(refused("bitfinex:open_interest:BTC-USDT_PERP:1h"), Impossible::Kind { .. }));
    assert!(matches!(refused("bitfinex:funding:BTC-USD"), Impossible::Kind { .. }));
    assert!(matches!(refused("bitfinex:candle:BTC-USD:4h"), Impossible::Span { .. }));
    assert!(matches!(refused("bitfinex:trade:BTC-USD_INVERSE"), Impossible::Market { .. }));
}

#[test]
fn depths_are_those_that_there_are() {
    let depth = |depth: Option<u32>| {
        super::depth(&Subscription { depth, ..Subscription::new(dataset("bitfinex:book:BTC-USD")) })
    };
    assert_eq!([None, Some(1), Some(25), Some(101), Some(9999)].map(depth), [25, 25, 25, 250, 250]);
}

#[test]
fn the_server_says_when_it_ends() {
    let ids = ["bitfinex:trade:BTC-USD"];
    let mut reader = reader(&ids);
    for (frame, event) in [
        (r#"{"event":"info","version":2,"serverId":"x","platform":{"status":1}}"#, "ignored"),
        (r#"{"event":"info","version":2,"platform":{"status":0}}"#, "restart: the platform is under maintenance"),
        (r#"{"event":"info","code":20051,"msg":"x"}"#, "restart: the server is to be restarted"),
        (r#"{"event":"info","code":20060,"msg":"x"}"#, "restart: maintenance begins"),
        (r#"{"event":"info","code":20061,"msg":"x"}"#, "restart: maintenance is over"),
        (r#"{"event":"conf","status":"FAILED","msg":"no"}"#, "refused: the flags: no"),
        (r#"{"event":"pong","cid":1,"ts":1564617600401}"#, "heartbeat 2019-08-01T00:00:00.401000000Z"),
        (
            r#"{"event":"error","channel":"trades","symbol":"tBTCUSD","msg":"subscribe: dup","code":10301}"#,
            "refused 0: subscribe: dup (10301)",
        ),
    ] {
        assert_eq!(said(&mut *reader, &ids, frame), Ok(vec![event.to_owned()]), "{frame}");
    }
    for frame in [
        r#"{"event":"info","version":3}"#,
        r#"{"event":"subscribed","channel":"trades","chanId":7,"symbol":"tETHUSD"}"#,
        r#"{"event":"subscribed","channel":"trades","symbol":"tBTCUSD"}"#,
        r#"{"event":"news"}"#,
        r#"{"code":1}"#,
    ] {
        assert!(said(&mut *reader, &ids, frame).is_err(), "{frame}");
    }
}

#[test]
fn a_candle_is_closed_when_the_next_one_opens_and_may_be_corrected() {
    let id = "bitfinex:candle:BTC-USD:1m";
    let mut reader = granted(id, "candles", "trade:1m:tBTCUSD");
    let mut said = |frame: &str| said(&mut *reader, &[id], frame).expect("sound");
    let line = |minute: &str, volume: &str| {
        "candle ".to_owned() + &candle_line(id, ts(minute), ["1", "4", "0.5", "2", volume, "null", "null"])
    };
    let row = |millis: i64, volume: &str| format!("[{millis},1,2,4,0.5,{volume}]");
    let (first, second, third) = ("2020-01-01T00:00:00Z", "2020-01-01T00:01:00Z", "2020-01-01T00:02:00Z");
    let open = |minute: &str| format!("open 0 {}", ts(minute));
    let frame = |rows: &str, seq: u32| format!("[7,{rows},{seq},1577836800000]");
    let snapshot = format!("[{},{}]", row(1_577_836_860_000, "9"), row(1_577_836_800_000, "8"));
    assert_eq!(said(&frame(&snapshot, 1)), ["sequence 1".to_owned(), line(first, "8"), open(second)]);
    assert_eq!(said(&frame(&row(1_577_836_860_000, "1e-8"), 2)), ["sequence 2".to_owned(), open(second)]);
    let closed = said(&frame(&row(1_577_836_920_000, "3"), 3));
    assert_eq!(closed, ["sequence 3".to_owned(), line(second, "0.00000001"), open(third)]);
    let corrected = said(&frame(&row(1_577_836_860_000, "5"), 4));
    assert_eq!(corrected, ["sequence 4".to_owned(), line(second, "5"), open(third)]);
    assert_eq!(said("[7,[],5,1577836800000]"), ["sequence 5", "ignored", &open(third)]);
}

#[test]
fn funding_is_paid_when_the_next_payment_is_named() {
    let id = "bitfinex:funding:BTC-USDT_PERP";
    let mut reader = granted(id, "status", "deriv:tBTCF0:USTF0");
    let mut said = |minute: &str, next: &str, rate: &str| {
        let millis = |text: &str| ts(text).millis();
        let frame = format!(
            "[7,[{},null,1,1,null,1,null,{},0,0,null,{rate},null],1,{}]",
            millis(minute),
            millis(next),
            millis(minute)
        );
        said(&mut *reader, &[id], &frame).expect("sound")
    };
    let beat = |minute: &str| ["sequence 1".to_owned(), format!("heartbeat {}", ts(minute))];
    let (one, two) = ("2020-01-01T08:00:00Z", "2020-01-01T16:00:00Z");
    assert_eq!(said("2020-01-01T07:58:00Z", one, "0.0001"), beat("2020-01-01T07:58:00Z"));
    assert_eq!(said("2020-01-01T07:59:00Z", one, "0.0002"), beat("2020-01-01T07:59:00Z"));
    let paid = format!("funding {}", funding_line(id, ts(one), "0.0002"));
    let [sequence, heartbeat] = beat("2020-01-01T08:01:00Z");
    assert_eq!(said("2020-01-01T08:01:00Z", two, "0.0003"), [sequence, paid, heartbeat]);
    let skipped = said("2020-01-02T08:01:00Z", "2020-01-02T16:00:00Z", "0.0004");
    assert_eq!(skipped[1], format!("funding {}", funding_line(id, ts(two), "0.0003")));
    assert!(skipped[2].starts_with("lost 0 2020-01-01T16:00:00.000000001Z 2020-01-02T16:00:00"), "{}", skipped[2]);
    // A payment that is put off long before it is due was never paid.
    assert_eq!(said("2020-01-02T09:00:00Z", "2020-01-02T20:00:00Z", "0.0005"), beat("2020-01-02T09:00:00Z"));
}

/// Hands frames to a keeper of the only book.
fn keep(keeper: &mut Keeper, reader: &mut dyn FrameReader, frame: &str) -> Result<bool, Break> {
    let mut taken = Ok(false);
    let mut take = |event: Event<'_>| {
        if let Event::Book(_, book, joint, checksum) = event {
            taken = keeper.take(&book, joint, checksum);
        }
    };
    reader.read(frame, ts("2026-01-01T00:00:00Z"), &mut take).expect("sound");
    taken
}

#[test]
fn checksums_are_over_the_digits_that_were_sent() {
    // Bitfinex's own example, and one of prices that are so small that they are sent with an exponent.
    for (rows, text, count) in [
        ("[[6000,1,1],[5900,1,2],[6100,1,-3],[6200,1,-4]]", "6000:1:6100:-3:5900:2:6200:-4", 4),
        (
            "[[5.6e-7,1,60712.4250231],[5.5e-7,8,1e-7],[5.7e-7,1,-300]]",
            "5.6e-7:60712.4250231:5.7e-7:-300:5.5e-7:1e-7",
            3,
        ),
    ] {
        let sum = crc32fast::hash(text.as_bytes()).cast_signed();
        let subscription = Subscription::new(dataset("bitfinex:book:BTC-USD"));
        let mut keeper = Keeper::new(BitfinexStreams.rule(&subscription));
        let mut reader = granted("bitfinex:book:BTC-USD", "book", "tBTCUSD");
        let mut take = |frame: String| keep(&mut keeper, &mut *reader, &frame);
        assert_eq!(take(format!("[7,{rows},1,1564617600401]")), Ok(true));
        assert_eq!(take(format!(r#"[7,"cs",{sum},2,1564617600401]"#)), Ok(true));
        let wrong = take(format!(r#"[7,"cs",{},3,1564617600401]"#, sum.wrapping_add(1)));
        assert!(matches!(wrong, Err(Break::Checksum { .. })), "{wrong:?}");
        assert_eq!(take(r#"[7,"cs",1,4,1564617600401]"#.to_owned()), Err(Break::NoSnapshot));
        assert_eq!(take(format!("[7,{rows},5,1564617600401]")), Ok(true), "a new snapshot");
        assert_eq!(take(format!(r#"[7,"cs",{sum},6,1564617600401]"#)), Ok(true));
        assert_eq!(keeper.checksums(), 2);
        assert_eq!(keeper.book().map(OrderBook::levels), Some(count));
    }
}

#[test]
fn a_checksum_is_over_twenty_five_levels_of_each_side() {
    let mut reader = granted("bitfinex:book:BTC-USD", "book", "tBTCUSD");
    let mut keeper = Keeper::new(BitfinexStreams.rule(&Subscription::new(dataset("bitfinex:book:BTC-USD"))));
    let bids = (0..30).map(|at| format!("[{},1,1]", 100 - at));
    let asks = (0..3).map(|at| format!("[{},2,-2.5]", 101 + at));
    let rows: Vec<String> = bids.chain(asks).collect();
    assert_eq!(keep(&mut keeper, &mut *reader, &format!("[7,[{}],1,1564617600401]", rows.join(","))), Ok(true));
    let mut parts = Vec::new();
    for at in 0..25 {
        parts.push(format!("{}:1", 100 - at));
        if at < 3 {
            parts.push(format!("{}:-2.5", 101 + at));
        }
    }
    let sum = crc32fast::hash(parts.join(":").as_bytes());
    assert_eq!(checksum(keeper.book().expect("believable")), sum);
}

#[test]
fn a_book_begins_anew_by_the_number_of_its_channel() {
    let id = "bitfinex:book:BTC-USD";
    let ask = r#"{"event":"subscribe","channel":"book","symbol":"tBTCUSD","prec":"P0","freq":"F0","len":"25"}"#;
    assert_eq!(reader(&[id]).renewal(SubscriptionId(0)), [ask]);
    let mut reader = granted(id, "book", "tBTCUSD");
    assert_eq!(reader.renewal(SubscriptionId(0)), [r#"{"event":"unsubscribe","chanId":7}"#, ask]);
    assert!(reader.renewal(SubscriptionId(1)).is_empty());
    let ended = r#"{"event":"unsubscribed","status":"OK","chanId":7}"#;
    assert_eq!(said(&mut *reader, &[id], ended), Ok(vec!["ignored".to_owned()]));
    assert!(said(&mut *reader, &[id], "[7,[218.99,1,1],1,1564617601769]").is_err());
    let again = r#"{"event":"subscribed","channel":"book","chanId":9,"symbol":"tBTCUSD","prec":"P0"}"#;
    assert_eq!(said(&mut *reader, &[id], again), Ok(vec!["accepted 0".to_owned()]));
    assert!(said(&mut *reader, &[id], "[9,[[218.99,1,1]],2,1564617601769]").is_ok());
    assert!(said(&mut *reader, &[id], &again.replace("P0", "R0")).is_err());
}

#[test]
fn a_book_has_the_exchanges_time_and_the_side_of_its_sign() {
    let id = "bitfinex:book:BTC-USD";
    let mut reader = granted(id, "book", "tBTCUSD");
    let stamp = ts("2019-08-01T00:00:00.401Z");
    let mut said = |frame: &str| said(&mut *reader, &[id], frame);
    let line = |bids: &str, asks: &str| format!("book Bare {}", book_line(id, stamp, false, [bids, asks, "null"]));
    let level = said("[7,[219.11,3,-18.10913638],45,1564617600401]");
    assert_eq!(level, Ok(vec!["sequence 45".to_owned(), line("", "[219.11,18.10913638,3]")]));
    let end = said("[7,[218.99,0,1],46,1564617600401]");
    assert_eq!(end, Ok(vec!["sequence 46".to_owned(), line("[218.99,0,0]", "")]));
    for spoiled in [
        "[7,[218.99,0,0],47,1564617600401]",
        "[7,[[218.99,0,1]],47,1564617600401]",
        "[7,[218.99,1],47,1564617600401]",
        "[7,[218.99,-1,1],47,1564617600401]",
        "[7,[218.99,1,1],47]",
        "[7,[218.99,1,1]]",
        "[7]",
        "[]",
        r#"[7,"te",[1,1564617600401,1,1],47,1564617600401]"#,
        r#"[7,"cs",99999999999,47,1564617600401]"#,
        "[8,[218.99,1,1],47,1564617600401]",
        "hello",
        "",
    ] {
        assert!(said(spoiled).is_err(), "{spoiled}");
    }
}

#[test]
fn mutated_frames_do_no_harm() {
    let sound = [
        "[1,[[382489562,1564617598688,0.01302607,10088],[382489561,1564617598688,-1,10088]],1,1564617600401]",
        r#"[1,"te",[382489563,1564617600709,0.00705845,10087.98969503],18,1564617600784]"#,
        r#"[1,"tu",[382489563,1564617600709,0.00705845,10087.98969503],19,1564617600834]"#,
        "[2,[[216,2,31.52],[218.75,1,-13.33333333]],10,1564617600541]",
        "[2,[218.99,0,-1],61,1564617601769]",
        r#"[2,"cs",-1155249647,62,1564617601769]"#,
        r#"[2,"hb",3603,1569715249702]"#,
        "[3,[[1577836860000,1,2,4,0.5,9],[1577836800000,1,2,4,0.5,8]],1,1577836800000]",
        "[3,[1577836920000,1,2,4,0.5,9],1,1577836800000]",
        "[4,[1569801649000,null,8090.5,8051.45,null,1,null,1569830400000,8.43e-06,16,null,0.00196337],3,1569801652225]",
        "[4,[1569831649000,null,8090.5,8051.45,null,1,null,1569859200000,8.43e-06,16,null,0.00196337],3,1569801652225]",
        r#"{"event":"info","version":2,"serverId":"x","platform":{"status":1}}"#,
        r#"{"event":"subscribed","channel":"trades","chanId":1,"symbol":"tBTCUSD"}"#,
    ]
    .map(str::to_owned);
    let ids = [
        "bitfinex:trade:BTC-USD",
        "bitfinex:book:BTC-USD",
        "bitfinex:candle:BTC-USD:1m",
        "bitfinex:funding:BTC-USDT_PERP",
    ];
    let acks = [
        r#""trades","chanId":1,"symbol":"tBTCUSD""#,
        r#""book","chanId":2,"symbol":"tBTCUSD""#,
        r#""candles","chanId":3,"key":"trade:1m:tBTCUSD""#,
        r#""status","chanId":4,"key":"deriv:tBTCF0:USTF0""#,
    ];
    let make = || {
        let mut reader = reader(&ids);
        said(&mut *reader, &ids, CONF).expect("sound");
        for ack in acks {
            said(&mut *reader, &ids, &format!(r#"{{"event":"subscribed","channel":{ack}}}"#)).expect("sound");
        }
        reader
    };
    check_mutations(make, &sound, 20_261_123);
}
