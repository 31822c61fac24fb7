"""The collector: takes events over HTTP and answers when Kafka has them.

A request's way: `front` (which route) → `routes.tracking` (read, authenticate, parse) → `intake` (each message becomes
a record) → `canonical` (pure: the canonical event, or why there is none) → `producer` (batches, acknowledgement).
`sources` says who may send, `app` puts the parts together, `python -m ingest` runs them.
"""
