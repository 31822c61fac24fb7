"""The messages inside a request body: one, or a batch whose `context` and `integrations` lie under each of them."""

from typing import Any

from ingest.answers import Refused


def single(body: Any, type_: str) -> list[Any]:
    """Return the one message of a body; the path has said its type. Raises `Refused` when it is no JSON object."""
    if not isinstance(body, dict):
        raise Refused(400, "invalid_request", "The body must be a JSON object: one event.")
    body.pop("writeKey", None)
    if body.get("type") != type_:
        body["type"] = type_
    return [body]


def batch(body: Any, most: int) -> list[Any]:
    """Return the messages of a batch, at most `most`, each with what it inherits. Raises `Refused` when it is no
    batch."""
    messages = body.get("batch") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        raise Refused(
            400, "invalid_request", 'The body must be a JSON object with the events in a list: {"batch": [...]}.'
        )
    if len(messages) > most:
        raise Refused(400, "too_many_events", f"The batch has {len(messages)} events: send at most {most} at once.")
    shared = {key: value for key in ("context", "integrations") if isinstance(value := body.get(key), dict) and value}
    return [inherit(message, shared) for message in messages] if shared else messages


def inherit(message: Any, shared: dict[str, Any]) -> Any:
    """Return `message` with `shared` merged under it, object by object: what the message says itself stands."""
    if not isinstance(message, dict):
        return message
    merged = dict(message)
    for key, value in shared.items():
        own = merged.get(key)
        if own is None:
            merged[key] = value
        elif isinstance(own, dict) and isinstance(value, dict):
            merged[key] = inherit(own, value)
    return merged
