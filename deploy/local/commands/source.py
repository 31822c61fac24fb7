"""`kith source`: who may send, as entries of the sources file."""

from pathlib import Path
from typing import Annotated, Any

import typer

Name = Annotated[str, typer.Argument(help="The source's name: a shop, site, store, till or account.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Sources: who may send events, under which keys.", no_args_is_help=True)
    for command in (add, list_, rotate, disable, enable, try_, pull):
        group.command(command.__name__.strip("_"))(command)
    app.add_typer(group, name="source")


def add(
    name: Name,
    kind: Annotated[str, typer.Option(help="tracking, shopify, woocommerce, stripe, meta, generic, …")] = "tracking",
    channel: Annotated[str, typer.Option(help="Channel of events whose name decides none.")] = "",
    store: Annotated[str, typer.Option(help="Store of its orders; default: the name.")] = "",
    country: Annotated[str, typer.Option(help="Region of phone numbers that name none.")] = "",
    origin: Annotated[
        list[str] | None, typer.Option(help="Origin that browsers may send from; may be repeated.")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option(help="The vendor's secret, or '${VARIABLE}'; default: a random one.")
    ] = None,
    public_key: Annotated[Path | None, typer.Option(help="Magento: file with the public key (PEM).")] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML file: which JSONPath becomes which field.")] = None,
    plan: Annotated[str, typer.Option(help="accept, flag or reject what breaks the tracking plan.")] = "",
    pull_url: Annotated[
        str, typer.Option(help="WooCommerce, Magento: the shop's address, for `kith source pull`.")
    ] = "",
    pull_key: Annotated[str, typer.Option(help="WooCommerce: consumer key, or '${VARIABLE}'.")] = "",
    pull_secret: Annotated[str, typer.Option(help="WooCommerce: consumer secret, or '${VARIABLE}'.")] = "",
    pull_token: Annotated[str, typer.Option(help="Magento: access token, or '${VARIABLE}'.")] = "",
    json: Json = False,
) -> None:
    """Add a source; a secret made here is shown this once."""
    from functools import partial

    from deploy.local.source_editing import SourceEditor, new_secret
    from deploy.local.source_entry import Wanted, entry_of

    pull = {"url": pull_url, "key": pull_key, "secret": pull_secret, "token": pull_token}
    wanted = Wanted(
        kind,
        channel,
        store,
        country,
        plan,
        tuple(origin or ()),
        tuple(secret or ()),
        _text(public_key),
        _text(mapping),
        {key: value for key, value in pull.items() if value},
    )
    entry, made = entry_of(wanted, partial(new_secret, kind))
    settings = _settings()
    SourceEditor(_path(settings)).add({name: entry})
    _tell(f"Source {name} ({kind}) added to {_path(settings)}.", name, kind, made, settings, json)


def list_(json: Json = False) -> None:
    """List the sources, without their secrets."""
    from deploy.local.source_editing import SourceEditor
    from schemas.codec import dumps

    settings = _settings()
    path = _path(settings)
    sources = SourceEditor(path).sources()
    if json:
        shown = [source.public() for source in sources.values()]
        typer.echo(dumps({"sources": shown}).decode())
        return
    for name, source in sources.items():
        state = "disabled" if source.disabled else "on"
        held = len(source.write_keys) or len(source.secrets) or int(source.url_secret is not None)
        typer.echo(f"{name:<24} {source.kind:<12} {source.channel or '':<7} {state:<9} {held} key{'s' * (held != 1)}")
    typer.echo(f"{len(sources)} in {path}" + ("; and `default`, of KITH_WRITE_KEYS" if settings.write_keys else ""))


def rotate(
    name: Name,
    secret: Annotated[str, typer.Option(help="The vendor's new secret, or '${VARIABLE}'; default: a random one.")] = "",
    finish: Annotated[bool, typer.Option("--finish", help="Let the newest alone be valid from now on.")] = False,
    json: Json = False,
) -> None:
    """Give a source a new write key or secret; the one before stays valid until the next time, or `--finish`."""
    from deploy.local.source_editing import SourceEditor, new_secret

    settings = _settings()
    editor = SourceEditor(_path(settings))
    if finish:
        dropped = editor.finish(name)
        typer.echo(f"{name}: only the newest is valid now." if dropped else f"{name}: there was only one.")
        return
    known = editor.sources().get(name)
    kind = known.kind if known is not None else "tracking"
    new = secret or new_secret(kind)
    field = editor.rotate(name, new)
    still = "the former address no longer works" if field == "url_secret" else "the one before is valid too, for now"
    _tell(f"Source {name} has a new one; {still}.", name, kind, {} if secret else {field: new}, settings, json)


def disable(name: Name) -> None:
    """Switch a source off: everything it sends is answered with 404."""
    _switch(name, True)


def enable(name: Name) -> None:
    """Switch a source on again."""
    _switch(name, False)


def try_(
    file: Annotated[Path, typer.Argument(help="JSON: what a sender posts (a webhook's body, an event, a batch).")],
    source: Annotated[str | None, typer.Option(help="As this source of the sources file.")] = None,
    kind: Annotated[str, typer.Option(help="Without a source: as one of this kind.")] = "generic",
    mapping: Annotated[Path | None, typer.Option(help="Without a source: with this mapping (YAML).")] = None,
    topic: Annotated[str, typer.Option(help="The delivery's topic, where no header or body says it.")] = "",
    header: Annotated[list[str] | None, typer.Option(help="A header of the delivery: 'Name: value'.")] = None,
) -> None:
    """Show which events a file would become, and send nothing; exit 1 when something in it becomes none."""
    from deploy.local.source_entry import mapping_of
    from deploy.local.source_trying import source_to_try, tried
    from schemas.codec import dumps

    settings = _settings()
    found = source_to_try(_path(settings), source, kind, mapping_of(_text(mapping)) if mapping else None)
    pairs = (line.partition(":") for line in header or ())
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    bad = 0
    for each in tried(found, _text(file).encode(), headers, topic, settings.default_country):
        if each.event is not None:
            typer.echo(dumps(each.event).decode())
        else:
            bad += 1
            typer.echo(f"no event ({each.reason}): {each.message}", err=True)
    if bad:
        raise typer.Exit(1)


def pull(
    name: Name,
    every: Annotated[float, typer.Option(help="Pull again after so many seconds, until interrupted; 0: once.")] = 0.0,
) -> None:
    """Ask a shop that cannot send webhooks for what changed since the last time (WooCommerce, Magento)."""
    import asyncio
    import time

    from deploy.local.pulling import Pulled, Pulling
    from deploy.local.sending_bar import bar
    from deploy.local.sending_keys import collector_url, source_of_file

    settings = _settings()
    job = Pulling(source_of_file(settings, name), settings.data_dir / "pulls", collector_url(settings))

    def once() -> Pulled:
        with bar() as progress:
            task = progress.add_task(name, total=None, events=0)
            return asyncio.run(job.run(lambda so_far: progress.update(task, events=sum(so_far.counts.values()))))

    while True:
        pulled = once()
        told = ", ".join(f"{count:,} {kind}" for kind, count in pulled.counts.items() if count)
        typer.echo(f"{name}: {told or 'nothing new'}.")
        if not every:
            return
        time.sleep(every)


def _switch(name: str, disabled: bool) -> None:
    from deploy.local.source_editing import SourceEditor

    SourceEditor(_path(_settings())).disable(name, disabled)
    typer.echo(f"Source {name} is {'off' if disabled else 'on'}; the collector knows within a second.")


def _tell(said: str, name: str, kind: str, made: dict[str, str], settings: Any, json: bool) -> None:
    from deploy.local.sending_keys import collector_url
    from schemas.codec import dumps

    address = collector_url(settings)
    if kind != "tracking":
        address += f"/v1/webhooks/{kind}/{name}"
    if "url_secret" in made:
        address += f"?secret={made['url_secret']}"
    if json:
        typer.echo(dumps({"name": name, "kind": kind, "url": address, **made}).decode())
        return
    typer.echo(said)
    typer.echo(f"  address        {address}")
    labels = {"write_keys": "write key", "secrets": "secret", "verify_token": "verify token"}
    for field, value in made.items():
        if field in labels:
            typer.echo(f"  {labels[field]:<14} {value}")
    if made:
        typer.echo("  (Shown this once. The collector takes it up within a second.)")


def _settings() -> Any:
    from deploy.local.runtime import connected_settings

    return connected_settings()


def _path(settings: Any) -> Path:
    path: Path = settings.sources or settings.data_dir / "sources.yaml"
    return path


def _text(path: Path | None) -> str:
    from schemas.errors import KithError

    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KithError(f"{path} cannot be read: {error}") from error
