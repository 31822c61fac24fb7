"""The commands of `kith`, one module per group.

A module has a function `register(app)` that adds its commands to the Typer application; `deploy.local.cli` finds every
module of this package by itself. Import what is heavy (Kafka, ClickHouse, rich) inside the commands: `kith --help` and
`kith status` start at once.
"""
