//! The layout is that of dccd 3.

use std::path::Path;

use dccd_record::Kind;

use super::{dataset, ts};
use crate::layout::{Layout, Period};

#[test]
fn files_lie_where_dccd_3_looks_for_them() {
    let layout = Layout::new(Path::new("data"));
    let check = |id: &str, expected: &str| {
        let dataset = dataset(id);
        let path = layout.file(&dataset, Period::of(dataset.kind(), ts(0)));
        assert_eq!(path.to_str(), Some(expected));
    };
    check("binance:candle:BTC-USDT:1h", "data/binance/ohlc/BTC-USDT/1h/2024.parquet");
    check("binance:candle:BTC-USDT_PERP:1m", "data/binance/ohlc/BTC-USDT_PERP/1m/2024.parquet");
    check("binance:trade:BTC-USDT", "data/binance/trades/BTC-USDT/2024-01-01.parquet");
    check("kraken:book:BTC-USD", "data/kraken/orderbook/BTC-USD/2024-01-01.parquet");
    check("okx:funding:BTC-USDT_PERP", "data/okx/funding/BTC-USDT_PERP/2024.parquet");
    check("binance:open_interest:BTC-USDT_PERP:5m", "data/binance/open_interest/BTC-USDT_PERP/5m/2024.parquet");
}

#[test]
fn periods_are_cut_in_utc_and_named_back() {
    for kind in Kind::ALL {
        for seconds in [0, 86_399, 86_400, 31_622_399, 31_622_400] {
            let period = Period::of(kind, ts(seconds));
            assert!(period.range().contains(ts(seconds)), "{kind} {seconds}");
            assert_eq!(Period::from_name(kind, &period.to_string()), Some(period));
        }
    }
    assert_ne!(Period::of(Kind::Trade, ts(86_399)), Period::of(Kind::Trade, ts(86_400)));
    for (kind, name) in
        [(Kind::Trade, "2024-13-01"), (Kind::Trade, "2024"), (Kind::Candle, "2024-01-01"), (Kind::Candle, "x")]
    {
        assert_eq!(Period::from_name(kind, name), None, "{kind} {name}");
    }
}
