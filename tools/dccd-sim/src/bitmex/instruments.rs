//! `instrument` and `instrument/active`: what is and was traded.
//!
//! Contracts that have expired or were taken off stay in `instrument` with state `Settled`, halted ones with `Closed`.

use dccd_record::Market as MarketKind;
use serde_json::{Map, Value, json};

use crate::bitmex::error::ApiError;
use crate::bitmex::params::whole;
use crate::bitmex::statistics::{CLOCK, has_funding};
use crate::bitmex::symbols::{SIZE_SCALE, Symbols, currency, size, symbol};
use crate::clock::iso_text;
use crate::http::Query;
use crate::market::catalogue::{Contract, Listing, Standing};
use crate::market::statistics::{OPEN_INTEREST_SCALE, RATE_SCALE, fundings_at, open_interest};
use crate::market::{Market, Series};

const COUNT_MAX: i64 = 500;
/// Fields that matter to nobody here.
const UNKNOWN: [&str; 56] = [
    "relistInterval",
    "optionStrikePcnt",
    "optionStrikeRound",
    "optionStrikePrice",
    "optionMultiplier",
    "calcInterval",
    "publishInterval",
    "publishTime",
    "limit",
    "fundingBaseSymbol",
    "fundingQuoteSymbol",
    "fundingPremiumSymbol",
    "rebalanceTimestamp",
    "rebalanceInterval",
    "openingTimestamp",
    "closingTimestamp",
    "sessionInterval",
    "prevClosePrice",
    "limitDownPrice",
    "limitUpPrice",
    "bankruptLimitDownPrice",
    "bankruptLimitUpPrice",
    "prevTotalVolume",
    "totalVolume",
    "volume",
    "volume24h",
    "prevTotalTurnover",
    "totalTurnover",
    "turnover",
    "turnover24h",
    "homeNotional24h",
    "foreignNotional24h",
    "prevPrice24h",
    "vwap",
    "highPrice",
    "lowPrice",
    "lastPriceProtected",
    "lastTickDirection",
    "lastChangePcnt",
    "midPrice",
    "impactBidPrice",
    "impactMidPrice",
    "impactAskPrice",
    "hasLiquidity",
    "fairMethod",
    "fairBasisRate",
    "fairBasis",
    "fairPrice",
    "indicativeTaxRate",
    "indicativeSettlePrice",
    "optionUnderlyingPrice",
    "settledPriceAdjustmentRate",
    "settledPrice",
    "underlyingToSettleMultiplier",
    "quoteToSettleMultiplier",
    "indicativeFundingRate",
];
/// Terms that are the same for all.
const TERMS: &str = r#"{"inverseLeg":"","sellLeg":"","buyLeg":"","reference":"BMEX","maxOrderQty":10000000,
"maxPrice":1000000,"initMargin":0.01,"maintMargin":0.005,"riskLimit":20000000000,"riskStep":10000000000,
"capped":false,"taxed":true,"deleverage":true,"makerFee":-0.00025,"takerFee":0.00075,"settlementFee":0,
"insuranceFee":0,"isQuanto":false,"markMethod":"FairPrice"}"#;

/// Those that are traded.
pub(crate) fn active(symbols: &Symbols, market: &Market, now: i64) -> Vec<u8> {
    let listed = symbols.listed(market, now);
    let open = listed.iter().filter(|series| series.listing().standing(now) == Standing::Trading);
    open.map(|series| row(series, now)).collect::<Value>().to_string().into_bytes()
}

/// All that ever were, or one of them, page by page.
pub(crate) fn page(symbols: &Symbols, market: &Market, query: &Query, now: i64) -> Result<Vec<u8>, ApiError> {
    let count = usize::try_from(whole(query, "count", 100, COUNT_MAX)?).unwrap_or(0);
    let offset = usize::try_from(whole(query, "start", 0, i64::MAX)?).unwrap_or(usize::MAX);
    let listed = match query.value("symbol") {
        Some(symbol) => symbols.series(market, symbol, now).into_iter().collect(),
        None => symbols.listed(market, now),
    };
    let rows: Value = listed.iter().skip(offset).take(count).map(|series| row(series, now)).collect();
    Ok(rows.to_string().into_bytes())
}

fn row(series: &Series, now: i64) -> Value {
    let listing = series.listing();
    let pair = &listing.pair;
    let mut row: Map<String, Value> = serde_json::from_str(TERMS).unwrap_or_default();
    row.extend(UNKNOWN.iter().map(|name| ((*name).to_owned(), Value::Null)));
    let (base, quote) = (currency(pair.base()), pair.quote());
    let end = matches!(pair.market(), MarketKind::Dated(_)).then(|| iso_text(listing.until, 3));
    let is_inverse = matches!(listing.contract, Contract::Inverse { .. });
    let price = |ticks: i64| decimal(ticks, listing.price_scale);
    let at = now.min(listing.until - 1);
    let fields = json!({
        "symbol": symbol(pair), "rootSymbol": base, "state": state(listing, now), "typ": kind(pair.market()),
        "listing": iso_text(listing.since, 3), "front": iso_text(listing.since, 3),
        "expiry": end, "settle": end, "listedSettle": end,
        "positionCurrency": if is_inverse { quote } else { base }, "underlying": base, "quoteCurrency": quote,
        "underlyingSymbol": format!("{base}{quote}="), "referenceSymbol": format!(".B{base}{quote}"),
        "lotSize": size(listing, 1).to_string().parse::<i64>().unwrap_or(1), "tickSize": price(1),
        "multiplier": if is_inverse { -100_000_000 } else { 1 },
        "settlCurrency": if is_inverse { "XBt" } else { "USDt" },
        "underlyingToPositionMultiplier": if is_inverse { Value::Null } else { json!(10_i64.pow(SIZE_SCALE)) },
        "isInverse": is_inverse,
        "lastPrice": price(series.price_at(at)), "markPrice": price(series.price_at(at)),
        "bidPrice": price(series.price_at(at)), "askPrice": price(series.price_at(at) + 1),
        "timestamp": iso_text(at, 3),
    });
    row.extend(fields.as_object().cloned().unwrap_or_default());
    row.extend(funding(series, now));
    row.extend(interest(series, at));
    Value::Object(row)
}

fn state(listing: &Listing, now: i64) -> &'static str {
    match listing.standing(now) {
        Standing::Unlisted => "Unlisted",
        Standing::Trading => "Open",
        Standing::Halted => "Closed",
        Standing::Delisted => "Settled",
    }
}

fn kind(kind: MarketKind) -> &'static str {
    match kind {
        MarketKind::Spot => "IFXXXP",
        MarketKind::Perp | MarketKind::Inverse => "FFWCSX",
        MarketKind::Dated(_) | MarketKind::Quarter | MarketKind::NextQuarter => "FFCCSX",
    }
}

/// What is paid next, of perpetual contracts.
fn funding(series: &Series, now: i64) -> Vec<(String, Value)> {
    let is_paid = has_funding(series.listing().pair.market());
    let next = fundings_at(series, CLOCK, now.saturating_add(1), now.saturating_add(2 * CLOCK.step)).next();
    let next = next.filter(|_| is_paid);
    let named = [
        ("fundingTimestamp", next.map_or(Value::Null, |paid| json!(iso_text(paid.micros, 3)))),
        ("fundingInterval", if is_paid { json!("2000-01-01T08:00:00.000Z") } else { Value::Null }),
        ("fundingRate", next.map_or(Value::Null, |paid| decimal(paid.rate, RATE_SCALE))),
    ];
    named.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn interest(series: &Series, now: i64) -> Vec<(String, Value)> {
    let listing = series.listing();
    let contracts = open_interest(series, now).amount / 10_i64.pow(OPEN_INTEREST_SCALE);
    let value = i64::try_from(listing.value(series.price_at(now), contracts)).unwrap_or(i64::MAX);
    vec![("openInterest".to_owned(), json!(contracts)), ("openValue".to_owned(), json!(value))]
}

/// A JSON number; these are for people, so binary ones will do.
fn decimal(mantissa: i64, scale: u32) -> Value {
    let text = crate::decimal::trimmed_text(i128::from(mantissa), scale);
    text.parse::<i64>().map_or_else(|_| json!(text.parse::<f64>().unwrap_or(0.0)), |whole| json!(whole))
}
