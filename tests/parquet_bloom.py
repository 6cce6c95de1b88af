#!/usr/bin/env python3
"""The Bloom filter that DuckDB writes into a Parquet file, as the constants of src/sketches/bloom_test.c.

    python3 -m venv v && v/bin/pip install duckdb && v/bin/python tests/parquet_bloom.py
"""
import tempfile

import duckdb

ITEMS = 100
path = tempfile.mktemp(".parquet")
duckdb.sql(f"COPY (SELECT (i % {ITEMS}) * 7919::BIGINT AS v FROM range({100 * ITEMS}) t(i)) TO '{path}' "
           "(FORMAT parquet, BLOOM_FILTER_FALSE_POSITIVE_RATIO 0.01)")
offset, length = duckdb.sql(f"SELECT bloom_filter_offset, bloom_filter_length FROM parquet_metadata('{path}')").fetchall()[0]
data = open(path, "rb").read()[offset:offset + length]
bitset = data[len(data) % 32:]    # behind the Thrift header, which is shorter than a block
print(f"#define PARQUET_ITEMS {ITEMS}")
print("#define PARQUET_KNOWN " + ", ".join(f"0x{b:02x}" for b in bitset))
