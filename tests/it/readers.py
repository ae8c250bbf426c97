"""Prints the rows of Parquet files as JSON lines: `readers.py duckdb|polars GLOB`."""

import json
import sys

engine, glob = sys.argv[1:]
if engine == "duckdb":
    import duckdb

    relation = duckdb.sql(f"SELECT * FROM '{glob}'")
    rows = (dict(zip(relation.columns, row)) for row in relation.fetchall())
else:
    import polars as pl

    rows = pl.read_parquet(glob).iter_rows(named=True)
for row in rows:
    print(json.dumps({"kind": "row", **row}))
