"""Writes hourly candles as dccd 2 did (seconds, quoteVolume, weightedAverage): `dccd2.py FILE`."""

import sys

import polars as pl

START = 1_672_531_200
rows = [
    {"TS": START + i * 3600, "open": 16541.77 + i, "high": 16545.7 + i, "low": 16508.39 + i, "close": 16529.67 + i,
     "volume": 4364.8357, "quoteVolume": 72146293.5, "weightedAverage": 16529.0}
    for i in range(100)
]  # fmt: skip
pl.DataFrame(rows).write_parquet(sys.argv[1])
