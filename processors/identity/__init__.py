"""Who is who, as a function of the set of events: pure, without clock, randomness or I/O.

If you are here to read the code, start with `resolve`: the definition, without increments. Then `evidence` (what an
event says), `seen` (what a seed says of it when), and `fold` (the same answer kept up to date): `intake` takes items
into the `graph`, `settle` has components grouped (`regroup`, `grouping`) and devices cut (`device`, `slices`), and
notes what is to be published (`publish`, `decisions`, `outcome`). `explain` tells people why. `normalise` and `extract`
come before all this.
"""
