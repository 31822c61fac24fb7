"""Webhooks: one module per vendor, four functions each, and what they share.

A delivery passes `verify` (is it theirs?), `handshake` (does it want another answer than an event's?), `topic` (what
does it call itself?) and `events` (what does it say, in Segment's shape?). `registry` knows the vendors; `mapping` puts
their answers together. Everything but `verify`'s look at the clock's reading in the delivery is pure.
"""
