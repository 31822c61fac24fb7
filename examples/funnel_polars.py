"""A funnel, and what the people in it are worth, as Polars DataFrames.

KITH_ANALYST_PASSWORD=… .venv/bin/python examples/funnel_polars.py      (`kith up` prints the password)
"""

import os

import clickhouse_connect
import polars as pl

client = clickhouse_connect.get_client(
    dsn=os.environ.get("KITH_CLICKHOUSE_URL", "http://127.0.0.1:8123"),
    username="analyst",
    password=os.environ["KITH_ANALYST_PASSWORD"],
    database=os.environ.get("KITH_CLICKHOUSE_DATABASE", "kith"),
)

# Arrow, so that no value becomes a Python object on its way.
funnel = pl.DataFrame(
    client.query_arrow(
        "SELECT event, people, conversion FROM funnel(steps = {steps:Array(String)}, within = 604800000)",
        parameters={"steps": ["Product Viewed", "Product Added", "Order Completed"]},
    )
)
print(funnel)

people = pl.DataFrame(client.query_arrow("SELECT segment, orders, toFloat64(revenue) AS revenue FROM rfm"))
print(people.group_by("segment").agg(pl.len().alias("people"), pl.col("revenue").sum()).sort("segment"))
