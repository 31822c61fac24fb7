"""`kith topics` and `kith migrate`: what Kafka and ClickHouse must hold before anything runs."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(topics)
    app.command()(migrate)


def topics(
    check: Annotated[bool, typer.Option("--check", help="Create nothing; exit 1 when a topic is missing.")] = False,
) -> None:
    """Create the topics that are missing and verify the others; then list them."""
    from deploy.local.runtime import connected_settings
    from deploy.local.topics import ensure_topics, missing_topics, wanted

    settings = connected_settings()
    absent = missing_topics(settings) if check else ensure_topics(settings)
    for name, options in wanted(settings).items():
        state = ("missing" if check else "created") if name in absent else "there"
        policy = options["configs"]["cleanup.policy"]
        typer.echo(f"{state:<8} {name:<32} {options['num_partitions']:>4} partitions  {policy}")
    if check and absent:
        raise typer.Exit(1)


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Apply nothing; say what would be applied.")] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Ask nobody; print every statement as these settings make it.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Run every statement again, for nodes that joined the cluster.")
    ] = False,
) -> None:
    """Bring ClickHouse's tables to this version, and give back what was taken from them by hand."""
    from deploy.local.runtime import connected_settings
    from deploy.local.tables import bring_up_to_date, lost, mend, script

    if sql:
        typer.echo(script(connected_settings()))
        return
    migrations = bring_up_to_date(connected_settings(), dry_run, again)
    for migration in migrations:
        typer.echo(f"{'would apply' if dry_run else 'applied'} {migration.version:04d} {migration.name}")
    lacking = [] if dry_run else mend(connected_settings())
    for lack in lacking:
        typer.echo(lost(lack))
    if not migrations and not lacking:
        typer.echo("The tables are up to date.")
