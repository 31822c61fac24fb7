"""`kith identity`: why people are who they are, operators' decisions about it, and the policy behind it."""

from pathlib import Path
from typing import Annotated

import typer

Reason = Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")]
Key = Annotated[str, typer.Argument(help="type:value, as in email:jane@x.fr", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    identity = typer.Typer(help="Who is who: explain it, decide about it, change its policy.", no_args_is_help=True)
    identity.command()(explain)
    identity.command()(link)
    identity.command()(split)
    identity.command()(release)
    policy = typer.Typer(help="The policy that says who may be joined with whom.", no_args_is_help=True)
    policy.command("check")(check_policy)
    identity.add_typer(policy, name="policy")
    app.add_typer(identity, name="identity")


def explain(
    a: Key,
    b: Annotated[str | None, typer.Argument(help="Another one: why are the two one person, or two?")] = None,
) -> None:
    """Say in sentences what a profile holds and why, or what lies between two identifiers."""
    from deploy.local.explaining import explain_pair, explain_profile
    from deploy.local.operator_api import OperatorApi
    from deploy.local.runtime import connected_settings

    with OperatorApi(connected_settings()) as api:
        for line in explain_profile(api, a) if b is None else explain_pair(api, a, b):
            typer.echo(line)


def link(a: Key, b: Key, reason: Reason) -> None:
    """Decide that two identifiers are one person's, whatever the evidence says."""
    _decide("link", {"a": _named(a), "b": _named(b), "reason": reason})


def split(
    identifiers: Annotated[list[str], typer.Argument(help="Those who leave, type:value each.", show_default=False)],
    from_: Annotated[str, typer.Option("--from", help="An identifier of the person whom they leave.")],
    reason: Reason,
) -> None:
    """Decide that identifiers are not the person of another one; nothing joins them again until they are linked."""
    _decide("split", {"identifiers": [_named(each) for each in identifiers], "from": _named(from_), "reason": reason})


def release(identifier: Key, reason: Reason) -> None:
    """Forget what was seen of an identifier until now, so that whoever uses it next gets it."""
    _decide("release", {"identifier": _named(identifier), "reason": reason})


def check_policy(
    file: Annotated[Path, typer.Argument(help="The YAML file.", show_default=False)],
) -> None:
    """Say whether a policy file is valid, and what it changes in the built-in policy; exit 1 when it is not."""
    from processors.identity.policy import Policy
    from processors.identity.policy_file import changes_of
    from processors.policy import load_policy

    changes = changes_of(Policy.default(), load_policy(file))
    typer.echo(
        f"{file} is valid. It {'differs from' if changes else 'equals'} the built-in policy{':' * bool(changes)}"
    )
    for change in changes:
        typer.echo(f"  {change}")


def _decide(kind: str, body: dict[str, object]) -> None:
    from deploy.local.operator_api import OperatorApi
    from deploy.local.runtime import connected_settings

    with OperatorApi(connected_settings()) as api:
        answer = api.post(f"/v1/identity/{kind}", body)
    typer.echo(f"Decision {answer['decision_id']} is in the log. `kith wait` returns when it has been applied.")


def _named(key: str) -> dict[str, str]:
    from schemas.errors import KithError
    from schemas.identifier import parse_key

    try:
        identifier = parse_key(key)
    except ValueError as error:
        raise KithError(f"{error}: write type:value, as in email:jane@x.fr.") from None
    return {"type": identifier.type, "value": identifier.value}
