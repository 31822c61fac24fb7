"""ClickHouse's HTTP interface over chDB: the ClickHouse engine itself, in one small process that owns the data folder.

If you are here to read the code, start with `handler.py`: it answers one request. A request comes from
`connection.py` (bytes of HTTP), is understood by `request.py` (parameters, settings, credentials) and `statement.py`
(what kind of statement, where its data begins), runs on a `lane.py` (one chDB connection and its thread, lent by
`pool.py` or kept by `sessions.py`) through `reading.py` or `inserting.py`, and goes out through `response.py`.
"""
