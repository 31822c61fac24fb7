"""`kith privacy`: forget a person, say what became of that, and export what is held about somebody."""

from pathlib import Path
from typing import Annotated

import typer

Key = Annotated[str, typer.Argument(help="type:value, as in email:jane@x.fr", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    privacy = typer.Typer(help="Forget people, keep them out, export what is held.", no_args_is_help=True)
    privacy.command()(erase)
    privacy.command()(status)
    privacy.command()(export)
    app.add_typer(privacy, name="privacy")


def erase(
    key: Key,
    mode: Annotated[
        str, typer.Option(help="erase: a new event starts an empty profile; suppress: the person is kept out.")
    ] = "erase",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the report; 0 returns at once.")] = 60.0,
) -> None:
    """Forget a person by any of their identifiers, and print what was removed where."""
    from deploy.local.erasing import describe, wait_for
    from deploy.local.operator_api import OperatorApi
    from deploy.local.runtime import connected_settings
    from schemas.errors import KithError
    from schemas.identifier import parse_key

    try:
        identifier = parse_key(key)
    except ValueError as error:
        raise KithError(f"{error}: write type:value, as in email:jane@x.fr.") from None
    with OperatorApi(connected_settings()) as api:
        body = {"identifier": {"type": identifier.type, "value": identifier.value}, "mode": mode}
        request_id: str = api.post("/v1/privacy/erase", body)["request_id"]
        typer.echo(f"Request {request_id} is in the log; no answer names the person any more.")
        found = wait_for(api, request_id, wait)
    for line in describe(found):
        typer.echo(line)


def status(request_id: Annotated[str, typer.Argument(help="As `kith privacy erase` has printed it.")]) -> None:
    """Print how far a request has come, and what was removed where."""
    from deploy.local.erasing import describe
    from deploy.local.operator_api import OperatorApi
    from deploy.local.runtime import connected_settings

    with OperatorApi(connected_settings()) as api:
        found = api.get(f"/v1/privacy/requests/{request_id}")
    for line in describe(found):
        typer.echo(line)


def export(
    key: Key,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here; by default to the screen.")] = None,
) -> None:
    """Write everything that is held about a person as one JSON document, readable by its owner only."""
    import json
    import os
    from urllib.parse import quote

    from deploy.local.operator_api import OperatorApi
    from deploy.local.runtime import connected_settings

    with OperatorApi(connected_settings()) as api:
        document = api.get(f"/v1/privacy/export/{quote(key, safe='')}")
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if output is None:
        typer.echo(text)
        return
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    typer.echo(f"{len(document['events']):,} events and {len(document['orders']):,} orders are in {output}.")
