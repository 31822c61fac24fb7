"""Every way in which Kith says no: dead-letter reasons and problem types, each with what to do about it."""

from typing import Any

# Dead-letter reasons. Stable: alerts and replays filter on them.
REASONS: dict[str, str] = {
    "no_usable_identifier": "Send a userId, an anonymousId, an e-mail, a phone number or an external id.",
    "invalid_event": "Correct the field that the message names and replay the event.",
    "unknown_type": "Use one of track, page, screen, identify, group, alias.",
    "event_too_large": "Send less than the source's limit (32 KB by default) in one event.",
    "message_id_too_long": "Use message ids of at most 100 characters.",
    "too_many_traits": "Keep a person's traits under 300 keys and 64 KB.",
    "conflicting_duplicate": "Two bodies came under one message id; the first in the log stands.",
    "unknown_topic": "This webhook topic is kept here until Kith understands it; replay it then.",
    "plan_violation": "The event breaks the source's tracking plan at the named path.",
    "shop_redaction": "A shop asks that all of its people be erased: erase them, then remove the source.",
    "undecodable": "The record in the log is not a canonical event.",
    "unknown_source": "Add the source again, or switch it on, and replay the dead letter.",
    "suppressed": "The person is suppressed by a privacy request.",
}


class KithError(Exception):
    """An error with a sentence for the person who reads it, and what to do next."""


class Problem(KithError):
    """An HTTP error as `application/problem+json` (RFC 9457).

    `type` is stable and a member of `PROBLEMS`; `detail` says what was wrong with this request and what would be right.
    """

    def __init__(self, type_: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.type = type_
        self.detail = detail
        self.extra = extra

    @property
    def status(self) -> int:
        """Return the HTTP status of this problem's type."""
        return PROBLEMS[self.type][0]

    def body(self) -> dict[str, Any]:
        """Return the JSON document of this problem."""
        status, title = PROBLEMS[self.type]
        return {"type": f"urn:kith:{self.type}", "title": title, "status": status, "detail": self.detail, **self.extra}


# type: (HTTP status, title). Stable: clients switch on them.
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request is not valid"),
    "invalid-cursor": (400, "The cursor is not valid"),
    "invalid-sql": (400, "ClickHouse refused the statement"),
    "unauthorized": (401, "A valid token is needed"),
    "forbidden": (403, "This token may not do that"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This resource does not take that method"),
    "not-acceptable": (406, "There is no such form of the answer"),
    "conflict": (409, "This contradicts what is there"),
    "cancelled": (409, "The query was stopped"),
    "too-large": (413, "The request is too large"),
    "invalid": (422, "The document is not valid"),
    "limit-exceeded": (422, "A limit was reached"),
    "rate-limited": (429, "Too many requests"),
    "internal": (500, "Something went wrong here"),
    "unavailable": (503, "A part that this needs is away"),
    "timeout": (504, "This took too long"),
    "not-yet": (504, "What was asked for is not in the answer yet"),
}
