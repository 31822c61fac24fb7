"""A new source's entry in the sources file, from the options of `kith source add`.

What the vendor makes (Shopify's or Stripe's secret) is given with `--secret`; what is ours to choose is random and told
to the vendor.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.errors import KithError
from schemas.plain_yaml import load

# Kinds whose deliveries carry no signature unless the shop arranged for one: a secret in their address.
_IN_THE_URL: Final = frozenset({"generic", "chatwoot", "magento"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; empty means not said. `mapping` is YAML text, `pull` what that section holds."""

    kind: str
    channel: str = ""
    store: str = ""
    country: str = ""
    plan: str = ""
    origins: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    public_key: str = ""
    mapping: str = ""
    pull: Mapping[str, str] = field(default_factory=dict)


def entry_of(wanted: Wanted, new: Callable[[], str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the entry, and of its secrets those that `new` made, by field: they are shown once.

    Raises `KithError` when the mapping is no YAML mapping; what else may be wrong, the sources file's check says.
    """
    entry: dict[str, Any] = {"kind": wanted.kind}
    made: dict[str, str] = {}
    name = _field(wanted.kind)
    if wanted.secrets:
        entry[name if name != "url_secret" else "secrets"] = list(wanted.secrets)
    elif not wanted.public_key:
        made[name] = new()
        entry[name] = made[name] if name == "url_secret" else [made[name]]
    if wanted.kind == "meta":
        entry["verify_token"] = made["verify_token"] = new()
    if wanted.public_key:
        entry["public_key"] = wanted.public_key
    for name in ("channel", "store", "country", "plan"):
        if value := getattr(wanted, name):
            entry[name] = value
    if wanted.origins:
        entry["origins"] = list(wanted.origins)
    if wanted.mapping:
        entry["mapping"] = mapping_of(wanted.mapping)
    if wanted.pull:
        entry["pull"] = dict(wanted.pull)
    return entry, made


def _field(kind: str) -> str:
    """Return where a new source of this kind keeps what its senders show or sign with."""
    return "write_keys" if kind == "tracking" else "url_secret" if kind in _IN_THE_URL else "secrets"


def mapping_of(text: str) -> dict[str, Any]:
    """Return a mapping's document. Raises `KithError` when the text is no YAML mapping."""
    document = load(text, "The mapping")
    if not isinstance(document, dict):
        raise KithError("The mapping must be a YAML mapping: which JSONPath becomes which field, see docs/sources.md.")
    return document
