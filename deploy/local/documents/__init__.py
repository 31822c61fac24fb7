"""Documents that are generated, so that they cannot say anything else than the code.

`make documents` writes them into `docs/`; a test says which of them is stale. One module per kind, each with a function
that returns `{path below docs/: text}`; `everything` is all of them.
"""
