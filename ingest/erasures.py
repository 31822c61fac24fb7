"""Erasures that a vendor demands: from its webhook to the records that start a privacy request."""

from collections.abc import Iterable

import structlog

from ingest.answers import Refused
from ingest.canonical import Reception
from ingest.producer import Record
from ingest.vendors.delivery import Erasure, Topic
from processors.identity.normalise import normalise
from schemas.identifier import strength, uuid5_text
from schemas.privacy import Request, messages_of
from schemas.settings import Settings

log = structlog.get_logger(__name__)


def erasure_records(
    erasures: Iterable[Erasure], topic: Topic, reception: Reception, settings: Settings
) -> list[Record]:
    """Return the records of one request for each demand, in the order in which they have to be written.

    The request's id follows from the delivery's, so a repeated delivery asks for the same again. The strongest
    identifier names the person, the others are hidden at once as well; a demand without any was no demand (see
    `mapping`). Raises `Refused` (503) where this collector has no key to hash them with.
    """
    key = settings.privacy_key.get_secret_value().encode()
    if not key:
        raise Refused(503, "no_privacy_key", "Erasures need KITH_PRIVACY_KEY, the same as the API's: set it.", 600)
    records: list[Record] = []
    for number, erasure in enumerate(erasures):
        found = (normalise(type_, value, reception.country) for type_, value in erasure.identifiers)
        identifiers = sorted({each for each in found if each is not None}, key=strength)
        if not identifiers:
            continue
        request: Request = {
            "request_id": uuid5_text(f"{reception.name}:{topic.name}:{topic.delivery_id}:{number}"),
            "mode": "erase",
            "at": reception.received,
            "identifier": list(identifiers[0]),
        }
        # Nobody tells the vendor this id: the operator looks the request up by it.
        log.info("a vendor demands an erasure", source=reception.name, request_id=request["request_id"])
        records += messages_of(request, reception.name, key, settings.topics, identifiers[1:])
    return records
