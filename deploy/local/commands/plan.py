"""`kith plan`: tracking plans checked and proposed."""

from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Tracking plans: which events a source may send.", no_args_is_help=True)
    group.command()(check)
    group.command()(infer)
    app.add_typer(group, name="plan")


def check(
    path: Annotated[
        Path | None, typer.Argument(help="A plan or a folder of them; default: those that the collector reads.")
    ] = None,
    archive: Annotated[int, typer.Option(help="Also hold so many archived events of each name against the plan.")] = 0,
) -> None:
    """Say what is wrong with tracking plans, and which archived events would break them; exit 1 for a wrong plan."""
    from ingest.plan_folder import plan_files, read_plans
    from schemas.errors import KithError

    settings = _settings()
    path = path or settings.tracking_plan or settings.data_dir / "plans"
    files = plan_files(path)
    if not files:
        raise KithError(f"There is no tracking plan in {path}: `kith plan infer` proposes one.")
    for source, plan in sorted(read_plans(files).items()):
        rules = len(plan.document.events) + len(plan.document.types)
        typer.echo(f"{source:<24} version {plan.version}, {rules} rules")
        if archive:
            _hold(settings, source, plan, archive)


def infer(
    source: Annotated[str, typer.Argument(help="The source whose events are looked at.")] = "default",
    sample: Annotated[int, typer.Option(help="How many events of each name, the newest.")] = 1000,
    output: Annotated[Path | None, typer.Option(help="Write the plan there instead of printing it.")] = None,
) -> None:
    """Propose a tracking plan from what a source has sent; a person decides what of it is meant."""
    import yaml

    from deploy.local.plan_archive import archived
    from deploy.local.plan_inference import infer as inferred
    from schemas.errors import KithError

    document = inferred(archived(_settings(), source, sample))
    if not document["events"] and not document["types"]:
        raise KithError(f"The archive has no events of a source {source!r}: `kith source list` shows their names.")
    text = f"# Proposed from what {source} has sent: strike out what is chance.\n"
    text += yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    if output is None:
        typer.echo(text, nl=False)
        return
    if output.exists():
        raise KithError(f"{output} is there already: name another file, or remove it.")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    typer.echo(f"{output}: {len(document['events'])} events. `kith plan check {output} --archive 1000` tries it.")


def _hold(settings: Any, source: str, plan: Any, each: int) -> None:
    from deploy.local.plan_archive import archived, broken_by

    seen, bad, why = broken_by(plan, archived(settings, source, each))
    typer.echo(f"  {bad:,} of {seen:,} archived events break it")
    for (event, path, message), count in why.most_common(20):
        typer.echo(f"  {count:>8,}  {event} {path or '/'}: {message}")


def _settings() -> Any:
    from deploy.local.runtime import connected_settings

    return connected_settings()
