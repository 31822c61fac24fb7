"""The leaves that read the profile: traits, metrics and consent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from processors.segments.clauses import Consent, Instant, Metric, Span, Trait
from processors.segments.comparison import instant, predicate
from processors.segments.context import Context
from processors.segments.fields import Getter, metric_getter, trait_getter
from processors.segments.operators import TIME
from processors.segments.selection import time_test
from processors.segments.timeline import ALWAYS, NEVER, Truth

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the profile: the token under which it changes, the group it is in, and how it is read from that."""

    token: str
    group: str
    get: Getter


def field_of(clause: Trait | Metric | Consent) -> Field:
    """Return the field that a clause is about."""
    if isinstance(clause, Trait):
        return Field(f"trait:{clause.name}", "traits", trait_getter(clause.name))
    if isinstance(clause, Metric):
        return Field(f"metric:{clause.path}", clause.path.partition(".")[0], metric_getter(clause.path))
    purpose = clause.purpose
    return Field(f"consent:{purpose}", "consent", lambda group: group.get(purpose))


def _is_granted(decision: Any) -> bool:
    return decision is not None and decision["granted"] is True


def _is_denied(decision: Any) -> bool:
    return decision is not None and decision["granted"] is False


def field_test(clause: Trait | Metric | Consent, field: Field) -> Callable[[Context], Truth]:
    """Return the test of a clause on a field."""
    group, get = field.group, field.get
    name = field.token.partition(":")[2]
    if clause.op in TIME:
        read = (lambda found: (get(found) or _NOTHING).get("at")) if isinstance(clause, Consent) else get
        return _time_leaf(clause.op, clause.value, field, read)
    if clause.op == "granted":
        test: Callable[[Any], bool] = _is_granted
    elif clause.op == "denied":
        test = _is_denied
    else:
        test = predicate(clause.op, clause.value)

    def truth(context: Context) -> Truth:
        member = test(get(context.profile.get(group) or _NOTHING))
        if (
            context.exact
            and context.before is not None
            and test(get(context.before.get(group) or _NOTHING)) is not member
        ):
            at, event_id = context.cause(group, name)
            return member, at, None, event_id
        return ALWAYS if member else NEVER

    return truth


def _time_leaf(op: str, operand: Any, field: Field, get: Getter) -> Callable[[Context], Truth]:
    test = time_test(op, operand)
    group, name = field.group, field.token.partition(":")[2]
    span = operand.millis if isinstance(operand, Span) else None
    fixed = isinstance(operand, Instant)

    def truth(context: Context) -> Truth:
        now = context.now
        value = get(context.profile.get(group) or _NOTHING)
        member = test(value, now)
        moment = None if fixed else instant(value)
        since = soonest = None
        if moment is not None and span is not None:
            # `within` begins at the moment and ends a span later, where `before` begins and `after` ends.
            for edge in (moment, moment + span) if op == "within" else (moment + span,):
                if edge <= now:
                    since = edge
                elif soonest is None:
                    soonest = edge
        if context.exact and context.before is not None:
            # What it was just before the event, at the event's instant: time may have changed it since.
            previous = get(context.before.get(group) or _NOTHING)
            if previous != value and test(previous, now) is not member:
                at, event_id = context.cause(group, name)
                if since is None or since <= at:
                    return member, at, soonest, event_id
        return member, since, soonest, None

    return truth
