"""Erasure, as far as it is pure: what the log looks like once somebody has been erased.

If you are here to read the code, start with `masks`: what every reader of events leaves out. `scrub` takes an
identifier out of other people's events. The steps of a request are in `processors.partition.forget`;
docs/decisions/0005-erasure.md says why.
"""
