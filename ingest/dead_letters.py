"""Dead letters: what was not accepted, kept with what a person needs to mend and replay it."""

from typing import Any, Final

from ingest.canonical import Rejection
from ingest.text import json_bytes
from schemas.codec import SCHEMA_VERSION
from schemas.identifier import uuid5_text
from schemas.records import DeadLetter
from schemas.times import to_iso

# Characters of payload that are kept: four events of the largest default size. Longer ones are cut, and say so.
PAYLOAD_CHARACTERS: Final = 128 * 1024


def dead_letter(source: str, payload: Any, rejection: Rejection, received: int) -> DeadLetter:
    """Return the dead letter of `payload`, the message as it came with what it inherited from its batch.

    What is rejected for the same reason has the same id however often it is sent, so that retries are one letter;
    `sentAt` differs between retries and does not count.
    """
    text = payload if isinstance(payload, str) else json_bytes(payload).decode()
    core = text
    if isinstance(payload, dict) and "sentAt" in payload:
        core = json_bytes({key: value for key, value in payload.items() if key != "sentAt"}).decode()
    letter_id = uuid5_text(f"{source}:{rejection.reason}:{core}")
    message = rejection.message
    if len(text) > PAYLOAD_CHARACTERS:
        message = f"{message} (The payload is cut after {PAYLOAD_CHARACTERS} of {len(text)} characters.)"
    return {
        "schema_version": SCHEMA_VERSION,
        "id": letter_id,
        "source": source,
        "reason": rejection.reason,
        "message": message,
        "at": to_iso(received),
        "payload": text[:PAYLOAD_CHARACTERS],
    }
