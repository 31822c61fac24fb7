"""Segments that are true at every instant: definitions, their compiled form, and what it says about a person.

If you are here to read the code, start with `clauses` (what a definition is made of) and `definition` (how JSON
becomes one). `compile` turns a set of definitions into closures and indexes; `windows` keeps, per fragment, what the
event clauses need to remember; `timeline` tells from that whether a clause is true, since when and until when;
`evaluate` answers for a person; `explain` says why; `changes` numbers what entered and exited. Everything here is
pure: the instant is an argument.
"""
