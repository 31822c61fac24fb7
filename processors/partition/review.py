"""Looking at profiles to whom nothing has happened but that segments were defined anew.

To most of them a new definition makes no difference. That is found out from what is stored, without making their
document again, and nothing is written about them.
"""

from collections.abc import Sequence

from processors.partition.context import Context
from processors.partition.keys import home_key, profile_key, replica_key, view_key
from processors.partition.profiles import Profiles, State
from processors.partition.touch import Touch


class Review:
    """One unit's look at its profiles."""

    def __init__(self, context: Context, profiles: Profiles) -> None:
        self._context = context
        self._working = context.working
        self._profiles = profiles

    def look(self, found: Sequence[tuple[str, bytes]], segments: dict[str, None]) -> None:
        """Touch those profiles to whom newly defined `segments` may make a difference; `found`: ids, stored states."""
        working = self._working
        for profile_id, raw in found:
            working.offer(profile_key(profile_id), raw)
        states: dict[str, State] = {profile_id: working.load(profile_key(profile_id)) for profile_id, _ in found}
        keys = [key for profile_id, state in states.items() for key in _keys_of_parts(profile_id, state)]
        known = self._context.compiled.segments
        by_history = all(known[segment].by_history for segment in segments if segment in known)
        working.prefetch(keys if by_history else [*keys, *map(view_key, states)])
        changing = []
        for profile_id, state in states.items():
            is_moving = bool(state.get("wait")) or "arrived" in state
            if is_moving or not self._stands(profile_id, state, segments, by_history):
                reason = Touch("definition", tokens={}, segments=segments, only_defined=not is_moving)
                self._profiles.touch(profile_id, reason)
                changing.append(profile_id)
        working.prefetch([view_key(profile_id) for profile_id in changing])

    def _stands(self, profile_id: str, state: State, segments: dict[str, None], by_history: bool) -> bool:
        document = {} if by_history else self._working.load(view_key(profile_id))
        if document is None:
            return False
        _, history = self._profiles.parts(profile_id, state)
        return self._profiles.memberships.stand(state, segments, document, history)


def _keys_of_parts(profile_id: str, state: State) -> list[bytes]:
    return [replica_key(profile_id, part) if entry[4] else home_key(part) for part, entry in state["parts"].items()]
