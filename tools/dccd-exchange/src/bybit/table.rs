//! What Bybit has.

use dccd_record::{Day, Kind, Market, Proof};

use crate::capability::{Capability, Full, Paging, Reach, SpanName, Unit};
use crate::request::{Api, LimitGroup};

/// Every market.
pub(super) static API: Api =
    Api { name: "bybit", rest_url: "https://api.bybit.com", archive_url: "https://public.bybit.com" };

/// Everything that an address asks for; beyond that comes a ban of ten minutes.
pub(super) static REQUESTS: LimitGroup =
    LimitGroup { name: "requests", slot: 0, weight_max: 600, window_secs: 5, usage_header: None };

static SPANS: [SpanName; 12] = [
    (60, "1"),
    (180, "3"),
    (300, "5"),
    (900, "15"),
    (1800, "30"),
    (3600, "60"),
    (7200, "120"),
    (14400, "240"),
    (21600, "360"),
    (43200, "720"),
    (86400, "D"),
    (604_800, "W"),
];
static PERIODS: [SpanName; 6] =
    [(300, "5min"), (900, "15min"), (1800, "30min"), (3600, "1h"), (14400, "4h"), (86400, "1d")];

/// The quotes of linear contracts.
const LINEAR_QUOTES: Option<&[&str]> = Some(&["USDT", "USDC"]);
/// The quote of inverse contracts.
const INVERSE_QUOTES: Option<&[&str]> = Some(&["USD"]);

/// The first day of which there is a file.
const FIRST_FILE: Day = Day { year: 2019, month: 10, day: 1 };

/// The archive has trades of spot too, but under ids that are row numbers: they could not be told from those that
/// were seen live.
const SPOT: Capability = Capability {
    exchange: "bybit",
    market: Market::Spot,
    quotes: None,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &API,
    path: "/v5/market/kline",
    page_rows: 1000,
    weight: 1,
    group: &REQUESTS,
    since: Day { year: 2021, month: 7, day: 1 },
    reach: Reach::Listing,
    // With a start alone it is not said which rows come.
    paging: Paging::Grid { finds_next: false },
    unit: Unit::Base,
    proof: Proof::Page,
    settle_secs: 5,
    archive: None,
};
const LINEAR: Capability =
    Capability { market: Market::Perp, quotes: LINEAR_QUOTES, since: Day { year: 2020, month: 3, day: 1 }, ..SPOT };
/// Their candles have both volumes; books and open interest count US dollars.
const INVERSE: Capability = Capability {
    market: Market::Inverse,
    quotes: INVERSE_QUOTES,
    since: Day { year: 2018, month: 11, day: 1 },
    ..SPOT
};
const LINEAR_DATED: Capability = Capability { market: Market::Dated(0), ..LINEAR };
const INVERSE_DATED: Capability = Capability { market: Market::Dated(0), ..INVERSE };

/// Each day has a file; only the last trades can be asked for.
const fn trades(market: Capability, unit: Unit) -> Capability {
    Capability {
        kind: Kind::Trade,
        spans: &[],
        path: "/trading",
        page_rows: 0,
        weight: 0,
        reach: Reach::Archive,
        paging: Paging::Snapshot,
        unit,
        proof: Proof::Archive,
        settle_secs: 0,
        archive: Some("trading, daily"),
        ..market
    }
}

const fn book(market: Capability, unit: Unit) -> Capability {
    Capability {
        kind: Kind::Book,
        spans: &[],
        path: "/v5/market/orderbook",
        reach: Reach::Now,
        paging: Paging::Snapshot,
        unit,
        settle_secs: 0,
        ..market
    }
}

const fn funding(market: Capability) -> Capability {
    Capability {
        kind: Kind::Funding,
        spans: &[],
        path: "/v5/market/funding/history",
        page_rows: 200,
        paging: Paging::Windows { step_secs: 3600, full: Full::Newest },
        settle_secs: 60,
        ..market
    }
}

const fn open_interest(market: Capability, unit: Unit) -> Capability {
    Capability {
        kind: Kind::OpenInterest,
        spans: &PERIODS,
        path: "/v5/market/open-interest",
        page_rows: 200,
        unit,
        settle_secs: 120,
        ..market
    }
}

/// What Bybit has.
pub(super) static CAPABILITIES: &[Capability] = &[
    SPOT,
    book(SPOT, Unit::Base),
    LINEAR,
    trades(LINEAR, Unit::Base),
    book(LINEAR, Unit::Base),
    funding(LINEAR),
    open_interest(LINEAR, Unit::Base),
    INVERSE,
    Capability { since: FIRST_FILE, ..trades(INVERSE, Unit::Quote) },
    book(INVERSE, Unit::Quote),
    funding(INVERSE),
    open_interest(INVERSE, Unit::Quote),
    LINEAR_DATED,
    trades(LINEAR_DATED, Unit::Base),
    book(LINEAR_DATED, Unit::Base),
    open_interest(LINEAR_DATED, Unit::Base),
    INVERSE_DATED,
    Capability { since: FIRST_FILE, ..trades(INVERSE_DATED, Unit::Quote) },
    book(INVERSE_DATED, Unit::Quote),
    open_interest(INVERSE_DATED, Unit::Quote),
];
