"""`kith identity`: why people are who they are, operators' decisions about it, and the policy behind it."""

from pathlib import Path
from typing import Annotated

import typer

Reason = Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="The YAML file; by default that of KITH_IDENTITY_POLICY.")
]
Key = Annotated[str, typer.Argument(help="type:value, as in email:jane@x.fr", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    identity = typer.Typer(help="Who is who: explain it, decide about it, change its policy.", no_args_is_help=True)
    identity.command()(explain)
    identity.command()(link)
    identity.command()(split)
    identity.command()(release)
    identity.command()(plan)
    identity.command()(apply)
    policy = typer.Typer(help="The policy that says who may be joined with whom.", no_args_is_help=True)
    policy.command("check")(check_policy)
    policy.command("show")(show_policy)
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


def plan(
    policy: PolicyFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as one JSON document.")] = False,
) -> None:
    """Say what another policy would change: people joined, people split, examples with reasons. Nothing is changed."""
    import json

    from deploy.local.operator_api import OperatorApi
    from deploy.local.planning import as_json as document_of
    from deploy.local.planning import describe, orders_of, plan_of
    from deploy.local.policy_bar import shown
    from deploy.local.policy_choice import chosen, in_force
    from deploy.local.runtime import connected_settings
    from processors.identity.policy_file import changes_of

    settings = connected_settings()
    wanted = chosen(settings, policy)
    with OperatorApi(settings) as api, shown() as progress:
        present = in_force(api)
        found = plan_of(settings, present, wanted, progress)
        orders = orders_of(api, found.touched(), progress)
    changes = changes_of(present, wanted)
    if as_json:
        typer.echo(json.dumps(document_of(found, changes, orders), ensure_ascii=False))
        return
    for line in describe(found, changes, orders):
        typer.echo(line)
    if found.moved or found.slices:
        typer.echo("\nNothing has been changed. `kith identity apply` with the same policy carries it out.")


def apply(
    policy: PolicyFile = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")] = "kith identity apply",
) -> None:
    """Put another policy into force: online, only differences are published; returns when that is done."""
    from deploy.local.operator_api import OperatorApi
    from deploy.local.policy_bar import shown
    from deploy.local.policy_choice import chosen, follow
    from deploy.local.runtime import connected_settings
    from processors.identity.policy_file import document_of

    settings = connected_settings()
    document = document_of(chosen(settings, policy))
    with OperatorApi(settings) as api:
        decision = api.post("/v1/identity/policy", {"policy": document, "reason": reason})["decision_id"]
        typer.echo(f"Decision {decision} is in the log. Ending this command does not end what it has begun.")
        with shown() as progress:
            follow(api, decision, progress)
    typer.echo("The policy is in force. `kith wait` returns when profiles and tables have followed.")


def show_policy() -> None:
    """Print the policy in force as YAML, and how far another one has come that was decided since."""
    import yaml

    from deploy.local.operator_api import OperatorApi
    from deploy.local.runtime import connected_settings

    with OperatorApi(connected_settings()) as api:
        found = api.get("/v1/identity/policy")
    applied, wanted = found["applied"], found["wanted"]
    since = f"# In force since decision {applied['decision_id']} at {applied['at']}: {applied['reason']}"
    typer.echo(since if applied["decision_id"] else "# In force since the log began.")
    if found["state"] != "live":
        on_its_way = f"decision {wanted['decision_id']}: {wanted['reason']}" if wanted else "what follows from it"
        typer.echo(f"# On its way ({found['state']}, {found['progress']:.0%}): {on_its_way}")
    typer.echo(yaml.safe_dump(applied["policy"], sort_keys=False, allow_unicode=True), nl=False)


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
