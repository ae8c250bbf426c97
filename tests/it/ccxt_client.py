"""Asks a simulated exchange as a user of ccxt would, and prints what it got as JSON lines.

`ccxt_client.py URL NOW_MS EXCHANGE`; each line of the input is one series: {"symbol", "timeframe" (none: trades),
"start", "end" (milliseconds), "limit"}. Each row is printed with the number of its series, candles in the order in
which they came, trades sorted by time and id and without those that pages share.
"""

import json
import re
import sys

import ccxt

PAGES_MAX = 400
# What would be asked of endpoints that are no public market data, or nobody simulates.
MARKET_TYPES = {
    "binance": {"types": ["spot"]},
    "bybit": {"types": ["spot", "linear", "inverse"]},
    "okx": {"types": ["spot", "swap", "future"]},
}


def redirected(urls, url):
    if isinstance(urls, dict):
        return {name: redirected(value, url) for name, value in urls.items()}
    return re.sub(r"^https?://[^/]+", url, urls)


def open_exchange(name, url, now):
    exchange = getattr(ccxt, name)({"enableRateLimit": False})
    exchange.urls["api"] = redirected(exchange.urls["api"], url)
    # It is as late as the simulator says.
    exchange.milliseconds = lambda: now
    exchange.seconds = lambda: now // 1000
    if name in MARKET_TYPES:
        exchange.options["fetchMarkets"] = MARKET_TYPES[name]
    exchange.load_markets()
    return exchange


def candles(exchange, series):
    """Pages from `start` on; a page without rows is stepped over, since an exchange may have stood still."""
    symbol, timeframe, limit = series["symbol"], series["timeframe"], series["limit"]
    step = exchange.parse_timeframe(timeframe) * 1000
    since, end = series["start"], series["end"]
    for _ in range(PAGES_MAX):
        page = exchange.fetch_ohlcv(symbol, timeframe, since, limit)
        yield from (row for row in page if row[0] < end)
        since = page[-1][0] + step if page else since + limit * step
        if since >= end:
            return
    raise SystemExit(f"{symbol} {timeframe}: more than {PAGES_MAX} pages")


def by_id(exchange, series, since):
    """Forwards: the first page by time, the others by the id that follows."""
    symbol, limit = series["symbol"], series["limit"]
    page = exchange.fetch_trades(symbol, since, limit)
    while not page and since < series["end"]:
        # ccxt asks for one hour.
        since += 3_600_000
        page = exchange.fetch_trades(symbol, since, limit)
    while page:
        yield page
        page = exchange.fetch_trades(symbol, None, limit, {"fromId": int(page[-1]["id"]) + 1})


def by_cursor(exchange, series, since):
    """Forwards: ccxt leaves the exchange's cursor behind the fields of a page's last trade. What comes after the
    cursor leaves out trades of the same nanosecond, so that pages begin with it."""
    symbol, limit, last = series["symbol"], series["limit"], None
    page = exchange.fetch_trades(symbol, since, limit)
    while page and page[-1]["id"] != last:
        yield page
        last = page[-1]["id"]
        page = exchange.fetch_trades(symbol, None, limit, {"since": str(int(page[-1]["info"][-1]) - 1)})


def by_time(exchange, series, since):
    """Forwards: each page begins with the time at which the one before ended."""
    symbol, limit = series["symbol"], series["limit"]
    while True:
        page = exchange.fetch_trades(symbol, since, limit)
        yield page
        if len(page) < 2 or page[-1]["timestamp"] == since:
            return
        since = page[-1]["timestamp"]


def backwards(param, **params):
    """Backwards from the newest, each page before the oldest id of the one before."""

    def pages(exchange, series, _since):
        symbol, limit = series["symbol"], series["limit"]
        page = exchange.fetch_trades(symbol, None, limit, params)
        while page:
            yield page
            oldest = min(int(trade["id"]) for trade in page)
            page = exchange.fetch_trades(symbol, None, limit, {**params, param: oldest})

    return pages


def newest(exchange, series, _since):
    """There is only one page."""
    yield exchange.fetch_trades(series["symbol"], None, series["limit"])


WAYS = {
    "binance": by_id,
    "binanceusdm": by_id,
    "binancecoinm": by_id,
    "coinbaseexchange": backwards("after"),
    "kraken": by_cursor,
    "bybit": newest,
    "okx": backwards("after", method="publicGetMarketHistoryTrades"),
    "bitfinex": by_time,
}


def trades(exchange, series):
    start, end = series["start"], series["end"]
    found = {}
    for number, page in enumerate(WAYS[exchange.id](exchange, series, start)):
        if number == PAGES_MAX:
            raise SystemExit(f"{series['symbol']} trades: more than {PAGES_MAX} pages")
        times = [trade["timestamp"] for trade in page]
        for trade in page:
            if start <= trade["timestamp"] < end:
                found[trade["id"]] = trade
        if times and (min(times) < start or max(times) >= end):
            break
    return (trade for _, trade in sorted(found.items(), key=lambda item: (item[1]["timestamp"], item[0])))


def main():
    url, now, name = sys.argv[1:]
    exchange = open_exchange(name, url, int(now))
    for number, line in enumerate(sys.stdin):
        series = json.loads(line)
        if series["timeframe"]:
            for ts, opened, high, low, close, volume in candles(exchange, series):
                row = {"ts": ts, "open": opened, "high": high, "low": low, "close": close, "volume": volume}
                print(json.dumps({"kind": "candle", "series": number, **row}))
        else:
            for trade in trades(exchange, series):
                row = {"ts": trade["timestamp"], "tid": trade["id"]}
                row["contract_size"] = exchange.market(series["symbol"])["contractSize"]
                row |= {field: trade[field] for field in ("price", "amount", "side")}
                print(json.dumps({"kind": "trade", "series": number, **row}))


main()
