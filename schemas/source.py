"""A source: one shop site, store, till or chat account, as the sources file (`KITH_SOURCES`) names it.

`Source` is what may be said about one; `parse_sources` reads a whole file and says everything that is wrong with it.
The collector holds requests against these, the command line edits them, the API shows them (never their secrets).
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from schemas.errors import KithError
from schemas.event import Channel, EventType
from schemas.json_path import check as check_paths

Kind = Literal[
    "tracking",
    "shopify",
    "woocommerce",
    "magento",
    "stripe",
    "intercom",
    "zendesk",
    "chatwoot",
    "crisp",
    "meta",
    "x",
    "generic",
]
# A file of none.
NO_SOURCES = "# Sources of the collector; `kith source add|list|rotate|disable` edit this file.\nsources: {}\n"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAMES = (
    "names are letters, digits, dots, dashes and underscores, 64 at most; in quotes where YAML reads something else"
)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Kinds whose requests carry no signature of their own: a source must name one way to tell friend from stranger.
_NEEDS = {
    "shopify": ("secrets",),
    "woocommerce": ("secrets",),
    "magento": ("public_key", "url_secret"),
    "stripe": ("secrets",),
    "intercom": ("secrets",),
    "zendesk": ("secrets",),
    "chatwoot": ("secrets", "url_secret"),
    "crisp": ("secrets", "url_secret"),
    "meta": ("secrets",),
    "x": ("secrets",),
    "generic": ("secrets", "url_secret"),
}


# An order of a shop may list hundreds of products; a browser's event has no reason to be so long.
DELIVERED_EVENT_BYTES = 256 * 1024


def _listed(value: Any) -> Any:
    """One value may stand where a list is meant: `write_keys: wk_1`."""
    return [value] if isinstance(value, str | int) else value


class Limits(BaseModel):
    """What one request of a source may carry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_bytes: int = Field(
        32 * 1024, ge=1024, le=512 * 1024, description="Bytes of one event; default of webhooks: 256 KB."
    )
    batch_bytes: int = Field(4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="Bytes of a request, inflated.")
    batch_events: int = Field(2500, ge=1, le=100_000, description="Events in one request.")
    dead_letter_bytes_per_day: int = Field(
        256 * 1024 * 1024, ge=1024, description="Bytes of dead letters that are kept, per process."
    )
    events_per_second: float | None = Field(None, gt=0, description="Rate limit, per process; unset: none.")


class EventMapping(BaseModel):
    """How a `generic` source's JSON becomes an event; the values are JSONPaths (`$.sum`) or constants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: EventType = "track"
    event: str | None = None
    message_id: str | None = None
    occurred_at: str | None = None
    identifiers: dict[str, str] = Field(default_factory=dict)
    properties: dict[str, Any] = Field(default_factory=dict)
    traits: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _readable(self) -> "EventMapping":
        check_paths(self.model_dump())
        return self


class Pull(BaseModel):
    """Where `kith source pull` asks a shop that cannot send webhooks, and as whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^\s]+$", description="The shop's address: `https://shop.example`.")
    key: SecretStr | None = Field(None, description="WooCommerce: consumer key.")
    secret: SecretStr | None = Field(None, description="WooCommerce: consumer secret.")
    token: SecretStr | None = Field(None, description="Magento: access token of an integration.")
    requests_per_second: float = Field(2.0, gt=0, le=100, description="At most so many requests.")


class Source(BaseModel):
    """One source, as the file names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    name: str = ""
    channel: Channel | None = Field(None, description="Channel of events whose name decides none; default `web`.")
    store: str | None = Field(None, description="Store of its orders; default: the source's name.")
    country: str | None = Field(None, pattern=r"^[A-Za-z]{2}$", description="Region of phone numbers that name none.")
    disabled: bool = Field(False, description="Answer 404 to everything.")
    limits: Limits = Limits()
    write_keys: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    origins: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="Origins browsers may send from; empty: all."
    )
    secrets: Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)] = ()
    url_secret: SecretStr | None = None
    verify_token: SecretStr | None = None
    public_key: str | None = None
    mapping: EventMapping | dict[str, EventMapping] | None = None
    plan: Literal["accept", "flag", "reject"] = Field(
        "flag", description="What becomes of events that break the source's tracking plan, where it has one."
    )
    pull: Pull | None = Field(None, description="WooCommerce and Magento: where to ask instead of being told.")

    @model_validator(mode="before")
    @classmethod
    def _roomy(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("kind") != "tracking" and isinstance(given.get("limits", {}), dict):
            return {**given, "limits": {"event_bytes": DELIVERED_EVENT_BYTES, **given.get("limits", {})}}
        return given

    @model_validator(mode="after")
    def _complete(self) -> "Source":
        if self.kind == "tracking":
            if not self.write_keys:
                raise ValueError("a tracking source needs write_keys: a list of at least one key")
            if any(not key or key != key.strip() or ":" in key for key in self.write_keys):
                raise ValueError("write_keys must not be empty, nor hold a colon or spaces at their ends")
        elif self.write_keys:
            raise ValueError(f"write_keys belong to tracking sources; kind {self.kind} is told by {_NEEDS[self.kind]}")
        needs = _NEEDS.get(self.kind, ())
        if needs and not any(getattr(self, name) for name in needs):
            raise ValueError(f"a source of kind {self.kind} needs {' or '.join(needs)}")
        if self.kind == "generic" and self.mapping is None:
            raise ValueError("a generic source needs a mapping: which JSONPath becomes which field of the event")
        if self.pull is not None:
            _check_pull(self.kind, self.pull)
            if self.kind == "magento" and self.url_secret is None:
                raise ValueError("a magento source with pull needs url_secret instead of public_key")
        for origin in self.origins:
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise ValueError(f"origin {origin!r} must be scheme://host[:port], without a path")
        return self

    def public(self) -> dict[str, Any]:
        """Return what may be shown of a source: everything but its secrets, of which it says how many there are."""
        return {
            "name": self.name,
            "kind": self.kind,
            "channel": self.channel,
            "store": self.store or self.name,
            "country": self.country,
            "disabled": self.disabled,
            "origins": list(self.origins),
            "limits": self.limits.model_dump(),
            "plan": self.plan,
            "keys": len(self.write_keys) + len(self.secrets) + (self.url_secret is not None),
            "pull": None if self.pull is None else self.pull.url,
        }


def _check_pull(kind: Kind, pull: Pull) -> None:
    if kind == "woocommerce":
        if pull.key is None or pull.secret is None:
            raise ValueError("pull of a woocommerce source needs key and secret: those of its REST API")
    elif kind == "magento":
        if pull.token is None:
            raise ValueError("pull of a magento source needs token: the access token of an integration")
    else:
        raise ValueError(f"pull is for woocommerce and magento; a {kind} source sends by itself")


class _AsWritten(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "${" + name + "}"


def as_written(environment: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return `environment` for those who only look: references to what is not in it stay as they are."""
    return _AsWritten(environment or {})


def parse_sources(text: str, environment: Mapping[str, str] | None = None) -> dict[str, Source]:
    """Return the sources that a YAML document names, by name; `${NAME}` stands for a variable of `environment`.

    Raises `KithError` with one line per fault: the source, the field, what is wrong and what would be right.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # The error's own text quotes the line, which may hold a secret.
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place is not None else ""
        raise KithError(f"sources: not valid YAML{line}: {getattr(error, 'problem', None) or 'unreadable'}") from None
    if document is None:
        return {}
    entries = document.get("sources") if isinstance(document, dict) else None
    if not isinstance(entries, dict) or set(document) - {"sources"}:
        raise KithError("sources: the file must have one key, `sources`, with a mapping of names to sources")
    environment = os.environ if environment is None else environment
    faults: list[str] = []
    sources: dict[str, Source] = {}
    for name, entry in entries.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            faults.append(f"{name!r}: {_NAMES}")
        elif not isinstance(entry, dict) or "name" in entry:
            faults.append(f"{name}: must be a mapping such as {{kind: tracking, write_keys: [...]}}")
        else:
            try:
                sources[name] = Source.model_validate({**_resolved(entry, environment), "name": name})
            except KeyError as error:
                faults.append(f"{name}: the variable {error.args[0]} is not set; set it or write the value")
            except ValidationError as error:
                faults.extend(f"{name}: {_sentence(detail)}" for detail in error.errors(include_input=False))
    if faults:
        raise KithError("sources: " + "; ".join(faults))
    return sources


def _resolved(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: environment[match[1]], value)
    if isinstance(value, dict):
        return {key: _resolved(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, environment) for item in value]
    return value


def _sentence(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
