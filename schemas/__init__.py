"""What the processes say to each other: identifiers, events, records, topics, settings, errors, metrics.

Start with `event` (the canonical event), then `topics` (where it travels) and `records` (what follows from it).
This package imports none of the others.
"""
