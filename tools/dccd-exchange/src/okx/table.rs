//! What OKX has.

use dccd_record::{Day, Kind, Market, Proof};

use crate::capability::{Capability, Full, Paging, Reach, Seek, SpanName, Unit};
use crate::request::{Api, LimitGroup};

/// Every market.
pub(super) static API: Api = Api { name: "okx", rest_url: "https://www.okx.com", archive_url: "https://www.okx.com" };

const fn requests(name: &'static str, slot: usize, weight_max: u32) -> LimitGroup {
    LimitGroup { name, slot, weight_max, window_secs: 2, usage_header: None }
}

static HISTORY_CANDLES: LimitGroup = requests("history-candles", 0, 20);
/// The last 1440 candles.
pub(super) static CANDLES: LimitGroup = requests("candles", 1, 40);
/// Twenty in older days.
static HISTORY_TRADES: LimitGroup = requests("history-trades", 2, 10);
/// The last trades.
pub(super) static TRADES: LimitGroup = requests("trades", 3, 100);
static BOOKS: LimitGroup = requests("books", 4, 40);
/// Counted by instrument; here all together.
static FUNDING: LimitGroup = requests("funding-rate-history", 5, 10);
static STATISTICS: LimitGroup = requests("open-interest-history", 6, 10);
/// The clock and the instruments.
pub(super) static PUBLIC: LimitGroup = requests("public", 7, 10);

/// From six hours on the plain names open at midnight of Hong Kong.
pub(super) static SPANS: [SpanName; 12] = [
    (60, "1m"),
    (180, "3m"),
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1H"),
    (7200, "2H"),
    (14400, "4H"),
    (21600, "6Hutc"),
    (43200, "12Hutc"),
    (86400, "1Dutc"),
    (604_800, "1Wutc"),
];
static MINUTES: [SpanName; 3] = [(300, "5m"), (900, "15m"), (1800, "30m")];
static HOURS: [SpanName; 5] = [(3600, "1H"), (7200, "2H"), (14400, "4H"), (21600, "6Hutc"), (43200, "12Hutc")];
static DAYS: [SpanName; 1] = [(86400, "1Dutc")];

/// What is kept for three months, the shortest of which have 89 days.
const THREE_MONTHS: Reach = Reach::Days(89);
/// The quotes of linear contracts.
const LINEAR_QUOTES: Option<&[&str]> = Some(&["USDT", "USDC"]);
/// The quote of inverse contracts.
const INVERSE_QUOTES: Option<&[&str]> = Some(&["USD"]);

/// Candles settle slowly: how long the history lacks the newest ones is not said.
const SPOT: Capability = Capability {
    exchange: "okx",
    market: Market::Spot,
    quotes: None,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &API,
    path: "/api/v5/market/history-candles",
    page_rows: 300,
    weight: 1,
    group: &HISTORY_CANDLES,
    since: Day { year: 2017, month: 1, day: 1 },
    reach: Reach::Listing,
    // With a bound below alone the newest rows come.
    paging: Paging::Grid { finds_next: false },
    unit: Unit::Base,
    proof: Proof::Page,
    settle_secs: 60,
    archive: None,
};
const LINEAR: Capability =
    Capability { market: Market::Perp, quotes: LINEAR_QUOTES, since: Day { year: 2019, month: 10, day: 1 }, ..SPOT };
const INVERSE: Capability = Capability {
    market: Market::Inverse,
    quotes: INVERSE_QUOTES,
    since: Day { year: 2018, month: 11, day: 1 },
    ..SPOT
};
const LINEAR_DATED: Capability = Capability { market: Market::Dated(0), ..LINEAR };
const INVERSE_DATED: Capability = Capability { market: Market::Dated(0), since: SPOT.since, ..INVERSE };

/// With a file for each day, which begins at midnight of Hong Kong.
const fn filed(trades: Capability) -> Capability {
    Capability { archive: Some("trades, daily"), ..trades }
}

/// Inverse contracts are worth US dollars, so their number is an amount of the quote.
const fn trades(market: Capability, unit: Unit) -> Capability {
    Capability {
        kind: Kind::Trade,
        spans: &[],
        path: "/api/v5/market/history-trades",
        page_rows: 100,
        group: &HISTORY_TRADES,
        reach: THREE_MONTHS,
        paging: Paging::Ids(Seek::Before),
        unit,
        proof: Proof::Id,
        settle_secs: 10,
        ..market
    }
}

const fn book(market: Capability, unit: Unit) -> Capability {
    Capability {
        kind: Kind::Book,
        spans: &[],
        path: "/api/v5/market/books",
        group: &BOOKS,
        reach: Reach::Now,
        paging: Paging::Snapshot,
        unit,
        settle_secs: 0,
        ..market
    }
}

/// Pages have held a hundred rates at all times.
const fn funding(market: Capability) -> Capability {
    Capability {
        kind: Kind::Funding,
        spans: &[],
        path: "/api/v5/public/funding-rate-history",
        page_rows: 100,
        group: &FUNDING,
        reach: THREE_MONTHS,
        paging: Paging::Windows { step_secs: 3600, full: Full::Newest },
        ..market
    }
}

/// Of the hundred rows of a page one may lie on the end that was asked for.
const fn open_interest(market: Capability, spans: &'static [SpanName], days: u32) -> Capability {
    Capability {
        kind: Kind::OpenInterest,
        spans,
        path: "/api/v5/rubik/stat/contracts/open-interest-history",
        page_rows: 99,
        group: &STATISTICS,
        reach: Reach::Days(days),
        settle_secs: 300,
        ..market
    }
}

/// What OKX has.
pub(super) static CAPABILITIES: &[Capability] = &[
    SPOT,
    filed(trades(SPOT, Unit::Base)),
    book(SPOT, Unit::Base),
    LINEAR,
    filed(trades(LINEAR, Unit::Base)),
    book(LINEAR, Unit::Base),
    funding(LINEAR),
    open_interest(LINEAR, &MINUTES, 2),
    open_interest(LINEAR, &HOURS, 30),
    open_interest(LINEAR, &DAYS, 180),
    INVERSE,
    filed(trades(INVERSE, Unit::Quote)),
    book(INVERSE, Unit::Quote),
    funding(INVERSE),
    open_interest(INVERSE, &MINUTES, 2),
    open_interest(INVERSE, &HOURS, 30),
    open_interest(INVERSE, &DAYS, 180),
    LINEAR_DATED,
    trades(LINEAR_DATED, Unit::Base),
    book(LINEAR_DATED, Unit::Base),
    open_interest(LINEAR_DATED, &MINUTES, 2),
    open_interest(LINEAR_DATED, &HOURS, 30),
    open_interest(LINEAR_DATED, &DAYS, 180),
    INVERSE_DATED,
    trades(INVERSE_DATED, Unit::Quote),
    book(INVERSE_DATED, Unit::Quote),
    open_interest(INVERSE_DATED, &MINUTES, 2),
    open_interest(INVERSE_DATED, &HOURS, 30),
    open_interest(INVERSE_DATED, &DAYS, 180),
];
