"""Privacy requests as `privacy.requests` holds them: people as keyed hashes only.

A request goes through these records, all under its id: `requested` (by the api or a source), `masked` (its person's
identifiers are known; every reader of the log masks them from here on), `finished` (with the report). The identifier
itself travels only in `profiles.inbox`, to the unit of its seed.
"""

import hmac
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from schemas.codec import SCHEMA_VERSION, dumps
from schemas.identifier import Identifier, seed_of
from schemas.times import to_iso
from schemas.topics import Topics

Mode = Literal["erase", "suppress"]
# Stands for a profile among identifiers: its id is hashed like one.
PROFILE_ID = "profile_id"
_HASH_BYTES = 16


class Hidden(TypedDict):
    """One identifier, or for a weak one the slice of it, that a request hides: `from` and `to` as in assignments."""

    hash: str
    slice: list[int | None] | None  # None: all of it; suppression keeps such identifiers out


class StoreReport(TypedDict):
    """What became of a person's data in one store."""

    store: str  # e.g. `clickhouse.events`, `topic.profiles.changelog`, `state.partitions`
    state: Literal["gone", "masked"]
    removed: NotRequired[int]  # rows, where they can be counted
    at: str
    until: NotRequired[str]  # of what is masked: when the store itself lets go of it


class PrivacyRecord(TypedDict):
    """`privacy.requests`: one step of a request. Key: `request_id`."""

    schema_version: int
    request_id: str
    kind: Literal["requested", "masked", "finished"]
    mode: Mode
    at: str  # the request's moment: what was received up to it is erased
    masked_at: NotRequired[str]  # masked: what was published about the person up to it is hidden too
    by: NotRequired[str]  # requested: `api`, or the source that asked
    hidden: NotRequired[list[Hidden]]  # requested, masked
    finished_at: NotRequired[str]  # finished
    report: NotRequired[list[StoreReport]]  # finished


class Request(TypedDict):
    """A request as it travels in `profiles.inbox` and waits in a unit's state until it is finished."""

    request_id: str
    mode: Mode
    at: int  # ms since 1970
    identifier: list[str]  # [type, value]; type `profile_id` names a profile


def keyed_hash(key: bytes, identifier: Identifier) -> str:
    """Return the name of an identifier in `privacy.requests`: HMAC-SHA256 cut to 128 bits, as hexadecimal text."""
    message = f"{identifier[0]}\0{identifier[1]}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256")[:_HASH_BYTES].hex()


def record_of(request: Request, kind: Literal["requested", "masked", "finished"]) -> PrivacyRecord:
    """Return a record about a request, without what its kind adds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "request_id": request["request_id"],
        "kind": kind,
        "mode": request["mode"],
        "at": to_iso(request["at"]),
    }


def seed_for(identifier: Identifier) -> str:
    """Return where a request about this identifier goes first: its seed; a profile id is some identifier's seed."""
    return identifier.value if identifier.type == PROFILE_ID else seed_of(identifier)


def messages_of(
    request: Request, by: str, key: bytes, topics: Topics, others: list[Identifier] | None = None
) -> list[tuple[str, str, bytes]]:
    """Return what starts a request, as `(topic, key, value)`: produce them in this order, by Kafka's partitioner.

    The request is accepted once both are acknowledged. `others` are identifiers that are known to be the same
    person's: the api hides them at once.
    """
    identifier = Identifier(*request["identifier"])
    seed = seed_for(identifier)
    order: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "to": seed, "items": [["forget", request]]}
    named = dict.fromkeys([identifier, *(others or ())])
    record = record_of(request, "requested")
    record["by"] = by
    record["hidden"] = [{"hash": keyed_hash(key, each), "slice": None} for each in named]
    return [
        (topics.inbox, seed, dumps(order)),
        (topics.privacy, request["request_id"], dumps(record)),
    ]
