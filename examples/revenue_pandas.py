"""Revenue by week and currency as a pandas DataFrame.

KITH_ANALYST_PASSWORD=… .venv/bin/python examples/revenue_pandas.py      (`kith up` prints the password)
"""

import os

import clickhouse_connect
import pandas as pd

client = clickhouse_connect.get_client(
    dsn=os.environ.get("KITH_CLICKHOUSE_URL", "http://127.0.0.1:8123"),
    username="analyst",
    password=os.environ["KITH_ANALYST_PASSWORD"],
    database=os.environ.get("KITH_CLICKHOUSE_DATABASE", "kith"),
)

daily = client.query_df("SELECT toDateTime(day) AS day, currency, orders, toFloat64(net) AS net FROM daily_revenue")
if daily.empty:
    print("No orders yet.")
else:
    weekly = daily.groupby([pd.Grouper(key="day", freq="W-MON", label="left", closed="left"), "currency"])
    print(weekly[["orders", "net"]].sum().query("orders > 0").to_string())
