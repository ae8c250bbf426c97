"""What dccd 3 does with a store, by its own store class: `dccd3.py save|load STORE`; loads print JSON lines."""

import json
import sys

from dccd.domain.dataset import DatasetId
from dccd.domain.records import FundingRate, OHLCBar, Trade
from dccd.domain.symbol import Symbol
from dccd.domain.types import DataType
from dccd.storage.parquet import ParquetStore

NS = 1_000_000_000
START = 1_704_067_200 * NS
HOUR = 3600 * NS
BTC = Symbol(base="BTC", quote="USDT")
PERP = Symbol(base="BTC", quote="USDT", market="perp")
CANDLES = DatasetId(exchange="binance", symbol=BTC, data_type=DataType.OHLC, span=3600)
TRADES = DatasetId(exchange="binance", symbol=BTC, data_type=DataType.TRADES)
FUNDING = DatasetId(exchange="binance", symbol=PERP, data_type=DataType.FUNDING)


def save(store):
    store.save(CANDLES, [
        OHLCBar(ts=START + i * HOUR, open=42283.58 + i, high=42554.57 + i, low=42261.02 + i, close=42475.23 + i,
                volume=1271.68108, quote_volume=53957248.97, trades=47134 + i)
        for i in range(24)
    ])  # fmt: skip
    store.save(TRADES, [
        Trade(ts=START + i * 137_000_000, price=42000.5 + i, amount=0.001, side="buy" if i % 2 else "sell", tid=str(i))
        for i in range(1000)
    ])  # fmt: skip
    store.save(FUNDING, [FundingRate(ts=START + i * 8 * HOUR, rate=0.0001, mark_price=42300.1) for i in range(3)])


def load(store):
    for dataset, kind in ((CANDLES, "candle"), (TRADES, "trade"), (FUNDING, "funding")):
        frame = store.load(dataset)
        for row in frame.iter_rows(named=True):
            print(json.dumps({"kind": kind, **row}))


{"save": save, "load": load}[sys.argv[1]](ParquetStore(sys.argv[2]))
