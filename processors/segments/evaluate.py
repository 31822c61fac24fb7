"""Which segments a person is in at an instant, and until when: the hot path of the stream.

    tokens = observe(compiled, history, event, t, now)        # where the event is folded
    tokens |= changed_fields(compiled, before, after)         # where the profile changed
    truths = evaluate(compiled, affected(compiled, tokens), profile, history, now, members)

A truth (see `timeline`) says `since` when it is so, exactly where it differs from `members`, and its `next` is the
timer: evaluated again at that instant, and whenever something touches it, a membership is never late by more than the
timer is.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Mapping

from processors.segments.compile import Compiled
from processors.segments.context import Context, Kept
from processors.segments.fields import Profile
from processors.segments.selection import Event
from processors.segments.timeline import Truth
from processors.segments.windows import History


def observe(compiled: Compiled, history: History, event: Event, t: int, now: int) -> list[str]:
    """Fold an event at `t` into a fragment's history, and return the tokens of the leaves that changed.

    Each message is to be observed once. `now` is no later than any instant that will be asked about; what only earlier
    instants need is forgotten.
    """
    waiting = compiled.observers.get(event["event"])
    if not waiting:
        return []
    return [token for token, observer in waiting if observer(event, history, t, now)]


def changed_leaves(compiled: Compiled, before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return the tokens of the leaves in which two histories of one fragment differ."""
    ids = [id_ for id_, kept in after.items() if before.get(id_) != kept]
    ids += [id_ for id_ in before if id_ not in after]
    return [f"event:{id_}" for id_ in ids if id_ in compiled.leaves]


def changed_fields(compiled: Compiled, before: Profile, after: Profile) -> list[str]:
    """Return the tokens of the fields that some definition names and in which two profiles differ."""
    tokens: list[str] = []
    for group, fields in compiled.fields.items():
        old, new = before.get(group) or {}, after.get(group) or {}
        if old is not new and old != new:
            tokens += [token for token, get in fields if get(old) != get(new)]
    return tokens


def affected(compiled: Compiled, tokens: Iterable[str]) -> list[str]:
    """Return the ids of the segments that can change by what was touched, in the order of evaluation.

    Segments that refer to them are left out: `evaluate` adds them when a membership changes.
    """
    by_token = compiled.by_token
    ids: dict[str, None] = {}
    for token in tokens:
        found = by_token.get(token)
        if found:
            ids.update(dict.fromkeys(found))
    if len(ids) < 2:
        return list(ids)
    segments = compiled.segments
    return sorted(ids, key=lambda id_: segments[id_].rank)


def evaluate(
    compiled: Compiled,
    ids: Iterable[str] | None,
    profile: Profile,
    history: Kept,
    now: int,
    members: Mapping[str, bool],
    *,
    before: Profile | None = None,
    at: int | None = None,
    event_id: str | None = None,
    source: Callable[[str, str], tuple[int, str] | None] | None = None,
) -> dict[str, Truth]:
    """Return the truths of the segments `ids` (None: all) and of those that refer to one whose membership changed.

    `members` are the memberships as they were. Where something happened, `before` is the profile as it was ({} if
    there was none), and `event_id` and `at` are the event and its time: since when a changed field is what it is,
    unless `source(group, name)` names another event and its time.
    """
    context = Context(profile, history, now, members, before, at, event_id, source)
    segments, referring, truths = compiled.segments, compiled.referring, context.truths
    if ids is None:
        queue = list(range(len(compiled.order)))
    else:
        queue = sorted([segments[id_].rank for id_ in ids if id_ in segments])
    # Grows while it is gone through: what refers to a segment comes after it.
    for rank in queue:
        id_ = compiled.order[rank]
        truth = segments[id_].root.test(context)
        if truth[0] is not members.get(id_, False):
            truth = _exactly(context, compiled, id_)
            for other in referring[id_]:
                following = segments[other].rank
                if following not in queue:
                    insort(queue, following)
        truths[id_] = truth
    return truths


def _exactly(context: Context, compiled: Compiled, id_: str) -> Truth:
    context.exact = True
    truth = compiled.segments[id_].root.test(context)
    context.exact = False
    return truth
