"""`docs/errors.md`, from `schemas.errors`."""

from deploy.local.documents.page import page, table
from schemas.errors import PROBLEMS, REASONS

LETTERS = """\
## Dead letters

What the collector or a worker cannot take as an event is kept on `events.rejected` and listed by
`GET /v1/dead-letters`, with a sentence about the case at hand. The reasons are stable:"""

API = """\
## Problems of the API

The API answers errors as `application/problem+json` (RFC 9457). `detail` says what was wrong with the request and what
would be right; the types are stable:"""

COLLECTOR = """\
## Refusals of the collector

The collector answers errors as `{"code", "message"}`, the form that SDKs parse. A 4xx says that the request can never
work; whatever is our own trouble is a 503 with `Retry-After`."""


def documents() -> dict[str, str]:
    """Return the page with every dead-letter reason and every problem type."""
    reasons = table(("reason", "what to do"), [[f"`{name}`", text] for name, text in REASONS.items()])
    problems = table(
        ("type", "status", "title"),
        [[f"`urn:kith:{name}`", str(status), title] for name, (status, title) in PROBLEMS.items()],
    )
    return {"errors.md": page("Errors", "schemas/errors.py", LETTERS, reasons, API, problems, COLLECTOR)}
