"""Consent: the newest decision per purpose, ties to the more restrictive; what was never decided is not granted.

The section is `{purpose: [t, refused, message_id, event_id]}` with `refused` 0 or 1, so the greater list is the
decision that stands. Only a JSON `true` grants; any other value of a purpose that is named is a refusal, because a
shop may err on one side only. Decisions come from `context.consent.categoryPreferences` of any event and from
`traits.consent` of `identify`, the way that webhooks take too. A purpose with channels, `{"marketing": {"email":
true}}`, is `marketing.email`. A decision may say when it was made, `{"granted": true, "at": "2026-01-15T…"}`: shops
send a customer again whenever anything about them changes, which makes no decision newer. It is never newer than its
event.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from schemas.times import EARLIEST, to_iso, to_millis

Decisions = dict[str, list[Any]]


def decisions_of(event: dict[str, Any], t: int) -> Iterator[tuple[str, bool, int]]:
    """Yield (purpose, granted, when) for every decision that an event of the time `t` (ms) states."""
    stated = event["context"].get("consent")
    if isinstance(stated, dict):
        yield from _decisions(stated.get("categoryPreferences"), "", t)
    if event["type"] == "identify":
        yield from _decisions(event["traits"].get("consent"), "", t)


def _decisions(stated: Any, prefix: str, t: int) -> Iterator[tuple[str, bool, int]]:
    if not isinstance(stated, dict):
        return
    for purpose, value in stated.items():
        if not isinstance(value, dict):
            yield f"{prefix}{purpose}", value is True, t
        elif "granted" not in value and not prefix:
            yield from _decisions(value, f"{purpose}.", t)
        else:
            yield f"{prefix}{purpose}", value.get("granted") is True, _made_at(value.get("at"), t)


def _made_at(stated: Any, t: int) -> int:
    """Return when a decision was made: as it says, never after its event; of the event's time where it says nothing."""
    if not isinstance(stated, str):
        return t
    try:
        return max(EARLIEST, min(t, to_millis(stated)))
    except (ValueError, OverflowError):
        return t


def add(decisions: Decisions, event: dict[str, Any], t: int) -> None:
    """Take in the decisions of one event, in place."""
    for purpose, granted, made in decisions_of(event, t):
        decision = [made, 0 if granted else 1, event["message_id"], event["event_id"]]
        known = decisions.get(purpose)
        if known is None or known < decision:
            decisions[purpose] = decision


def merged(many: Iterable[Decisions]) -> Decisions:
    """Return the decisions that stand among all of them. The arguments stay as they are."""
    result: Decisions = {}
    for decisions in many:
        for purpose, decision in decisions.items():
            known = result.get(purpose)
            if known is None or known < decision:
                result[purpose] = decision
    return result


def shown(decisions: Decisions) -> dict[str, dict[str, Any]]:
    """Return the public form: `{purpose: {"granted", "at"}}`."""
    return {
        purpose: {"granted": not decision[1], "at": to_iso(decision[0])}
        for purpose, decision in sorted(decisions.items())
    }


def history(events: Iterable[tuple[Mapping[str, Any], int]]) -> list[dict[str, Any]]:
    """Return each change of a purpose with its source, oldest first: `{"purpose", "granted", "at", "event_id"}`.

    `events` are a person's events with their times in ms, in any order. A decision that repeats the one before it
    changes nothing and is left out; of two at one instant the more restrictive stands, as in `add`.
    """
    stated = sorted(
        (made, purpose, granted, event["message_id"], event["event_id"])
        for event, t in events
        for purpose, granted, made in decisions_of(dict(event), t)
    )
    standing: dict[str, bool] = {}
    result: list[dict[str, Any]] = []
    for index, (t, purpose, granted, _, event_id) in enumerate(stated):
        # Refusals sort before grants of the same instant; the grant beside a refusal never stood.
        if granted and index and stated[index - 1][:2] == (t, purpose) and not standing.get(purpose, True):
            continue
        if standing.get(purpose) is not granted:
            standing[purpose] = granted
            result.append({"purpose": purpose, "granted": granted, "at": to_iso(t), "event_id": event_id})
    return result
