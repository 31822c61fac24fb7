"""`kith segment`: definitions in files, applied, listed and deleted; and whether the two engines agree."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from deploy.local.operator_api import OperatorApi

# What the API adds to a definition when it shows it.
_SHOWN = ("version", "state", "progress", "members", "updated_at")
Id = Annotated[str, typer.Argument(help="The segment's id.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    segment = typer.Typer(help="Segments: apply definitions from files, list, delete and verify.", no_args_is_help=True)
    segment.command()(apply)
    segment.command("list")(list_segments)
    segment.command()(show)
    segment.command()(delete)
    segment.command()(verify)
    segment.command()(explain)
    app.add_typer(segment, name="segment")


def apply(
    files: Annotated[list[Path], typer.Argument(help="JSON or YAML files, or folders of them.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when everybody's history was looked at.")] = False,
) -> None:
    """Create or change segments so that they are as the files say; all files are checked before anything is sent."""
    from deploy.local.segment_files import check, compared, read_files

    written = read_files(files)
    with _api() as api:
        there = {each["id"]: _document(each) for each in api.every("/v1/segments")}
        steps = [compared(each, there) for each in check(written, there)]
        for step in steps:
            id_ = step.document["id"]
            if step.kind == "same":
                typer.echo(f"= {id_}")
                continue
            typer.echo(f"{'+' if step.kind == 'create' else '~'} {id_}")
            for line in step.lines:
                typer.echo(f"    {line}")
            if not dry_run:
                answer = api.put(f"/v1/segments/{id_}", step.document)
                typer.echo(f"    version {answer['version']}")
        if wait and not dry_run:
            _wait(api, [step.document["id"] for step in steps])


def list_segments() -> None:
    """List all segments: version, how far it was applied, how many are in it."""
    with _api() as api:
        segments = api.every("/v1/segments")
    width = max((len(each["id"]) for each in segments), default=0)
    for each in segments:
        state = each["state"] if each["state"] == "live" else f"{each['state']} {each['progress']:.0%}"
        typer.echo(f"{each['id']:{width}}  v{each['version']:<4} {state:<17} {each['members']:>9,}  {each['name']}")


def show(id_: Id) -> None:
    """Print a segment's definition, as a file for `apply`."""
    with _api() as api:
        typer.echo(json.dumps(_document(api.get(_path(id_))), indent=2, ensure_ascii=False))


def delete(ids: Annotated[list[str], typer.Argument(help="Segments.", show_default=False)]) -> None:
    """Delete segments: everybody in them exits."""
    with _api() as api:
        for id_ in ids:
            api.delete(_path(id_))
            typer.echo(f"- {id_}")


def verify(
    ids: Annotated[list[str] | None, typer.Argument(help="Only these; all when none is named.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare the stream's members with SQL's, of everybody; exit 1 when anybody differs or a segment is not live."""
    with _api() as api:
        wanted = ids or [each["id"] for each in api.every("/v1/segments")]
        results = [_verified(api, id_) for id_ in wanted]
    if as_json:
        typer.echo(json.dumps(results))
    else:
        for result in results:
            for line in _lines(result):
                typer.echo(line)
        right = sum(not result.get("different", 1) for result in results)
        typer.echo(f"{right} of {len(results)} segments are the same on the stream and in SQL.")
    if any(result.get("different", 1) for result in results):
        raise typer.Exit(1)


def explain(
    id_: Id, key: Annotated[str, typer.Argument(help="type:value, as in email:jane@x.fr", show_default=False)]
) -> None:
    """Say why somebody is in a segment or not: clause by clause, since when, because of what, until when."""
    from urllib.parse import quote

    from deploy.local.segment_words import describe

    with _api() as api:
        found = api.get(f"/v1/profiles/{quote(key, safe='')}/segments/{quote(id_, safe='')}/explain")
    for line in describe(key, found):
        typer.echo(line)


def _verified(api: "OperatorApi", id_: str) -> dict[str, Any]:
    from deploy.local.operator_api import Refused

    try:
        found: dict[str, Any] = api.post(f"{_path(id_)}/verify", {})
    except Refused as error:
        if error.status != 409:
            raise
        return {"segment_id": id_, "error": str(error)}
    return found


def _lines(result: dict[str, Any]) -> list[str]:
    id_ = result["segment_id"]
    if "error" in result:
        return [f"? {id_}: {result['error']}"]
    if not result["different"]:
        return [f"= {id_}: {result['people']:,} people"]
    lines = [f"! {id_}: {result['different']:,} of {result['people']:,} people differ"]
    for each in result["differences"]:
        where = "in SQL and not on the stream" if each["in_sql"] else "on the stream and not in SQL"
        lines.append(f"    profile_id:{each['profile_id']} is {where}: {', '.join(each['clauses'])}")
    return lines


def _wait(api: "OperatorApi", ids: list[str]) -> None:
    import time

    for id_ in ids:
        while (found := api.get(_path(id_)))["state"] != "live":
            typer.echo(f"  {id_}: {found['progress']:.0%}")
            time.sleep(0.5)
        typer.echo(f"  {id_}: live, {found['members']:,} members")


def _document(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in _SHOWN}


def _path(id_: str) -> str:
    from urllib.parse import quote

    return f"/v1/segments/{quote(id_, safe='')}"


def _api() -> "OperatorApi":
    from deploy.local.operator_api import OperatorApi
    from deploy.local.runtime import connected_settings

    return OperatorApi(connected_settings())
