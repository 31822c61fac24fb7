"""Files of rows as messages: what `kith import` and `POST /v1/import` share.

`rows` and `parquet` read a file row by row (`files` knows which), `mapping` makes a message of each, with `fields` and
`values`; `guess` proposes a mapping from the header. Everything but the reading is pure.
"""
