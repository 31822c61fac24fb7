"""Stream processing: who is who, what is known of them, and which segments they are in.

`identity`, `profile` and `segments` are pure: folds without clock, randomness or I/O. `partition` is the pure protocol
of one partition that ties them together; everything else here is shell.
"""
