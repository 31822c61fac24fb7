"""The profile's level: which fragments a profile is made of, what it looks like, which segments it is in.

State: `{"parts": {part: [type, value, from, to, remote]}, "v": version, "m": {segment: membership}, "n": due, "wait":
{profile: n}, "arrived": {profile: memberships}, "barred": [part, …]}`; `v` counts what was published, `n` is the
instant (ms) of the profile's timer, `barred` are fragments that were erased here and not yet where they live.

A person who gets another profile id has had nothing happen to them. So when a fragment comes from another profile
(`wait`), no membership changes until that profile has said what it was a member of; then the memberships that continue
are entered with `moved_from`, and the old profile, told so, exits with `moved_to`.
"""

from typing import Any

from processors.partition.context import Context
from processors.partition.keys import home_key, profile_key, replica_key, timer_key, view_key
from processors.partition.memberships import Memberships
from processors.partition.touch import Touch, everything
from processors.profile import merge
from processors.profile.view import profile_view
from processors.segments.windows import Merged
from schemas.codec import dumps
from schemas.identifier import Identifier, family_of, seed_of, strength

State = dict[str, Any]


class Profiles:
    """Profiles of one unit during a batch."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._working = context.working
        self.memberships = Memberships(context)
        self._touched: dict[str, Touch] = {}

    def _state(self, profile_id: str) -> State:
        key = profile_key(profile_id)
        state: State | None = self._working.load(key)
        if state is None:
            state = {"parts": {}, "v": 0, "m": {}, "n": None}
        self._working.save(key, state)
        return state

    def touch(self, profile_id: str, reason: Touch) -> None:
        """Have a profile looked at again at the end of the batch."""
        before = self._touched.get(profile_id)
        if before is None:
            self._touched[profile_id] = reason
        else:
            before.add(reason)

    def part(self, profile_id: str, item: list[Any]) -> None:
        """Take in the newest state of a fragment that this profile owns."""
        _, part, roster, body, (kind, event_id, at, tokens), moved_from = item
        state = self._state(profile_id)
        if part in state.get("barred", ()):
            return
        remote = body is not None
        known = state["parts"].get(part)
        entry = [*roster, remote]
        if known != entry:
            state["parts"][part] = entry
        if remote:
            self._working.save(replica_key(profile_id, part), body)
        if moved_from is not None:
            wait = state.setdefault("wait", {})
            wait[moved_from] = wait.get(moved_from, 0) + 1
        noticed = dict.fromkeys(tokens) if known is not None and tokens is not None else None
        # A fragment that comes because of a definition has another history, but says what it said.
        only_defined = kind == "definition" and event_id is None and noticed is not None and known == entry
        self.touch(profile_id, Touch(kind, event_id, at, noticed, only_defined=only_defined))

    def gone(self, profile_id: str, part: str, new_owner: str) -> None:
        """Let go of a fragment, and tell its new owner what this profile's memberships were, if it ceases with it."""
        state = self._state(profile_id)
        entry = state["parts"].pop(part, None)
        if entry is not None and entry[4]:
            self._working.save(replica_key(profile_id, part), None)
        ceases = entry is not None and not state["parts"]
        members = self.memberships.of(state) if ceases else None
        self._context.deliver(new_owner, ["handover", profile_id, members])
        self.touch(profile_id, everything("identity"))

    def handover(self, profile_id: str, sender: str, members: dict[str, list[int]] | None) -> None:
        """Take in what a profile from which a fragment came was a member of; None: it goes on, and keeps them."""
        state = self._state(profile_id)
        wait = state.get("wait", {})
        if sender in wait:
            wait[sender] -= 1
            if wait[sender] <= 0:
                del wait[sender]
        if members:
            state.setdefault("arrived", {})[sender] = members
        self.touch(profile_id, everything("identity"))

    def handed(self, profile_id: str, successor: str, outcome: dict[str, str]) -> None:
        """Exit the segments that a profile which has ceased was in, as its successor says."""
        state = self._state(profile_id)
        last = self._working.load(view_key(profile_id))
        document = last or {"profile_id": profile_id, "identifiers": [], "aliases": []}
        self.memberships.leave(state, document, successor, outcome)
        if not state["parts"]:
            self._working.save(view_key(profile_id), None)
        self.touch(profile_id, everything("identity"))

    def vanish(self, profile_id: str) -> dict[str, int]:
        """Erase a profile: let go of its fragments, exit its segments, publish that it is no more.

        Its fragments are barred until their units say that they have forgotten them. Returns the number of the last
        change per segment.
        """
        state = self._state(profile_id)
        parts, state["parts"] = state["parts"], {}
        for part, entry in parts.items():
            if entry[4]:
                self._working.save(replica_key(profile_id, part), None)
        aliases = aliases_of(profile_id, self._roster({"parts": parts}))
        numbers = self.memberships.erase(state, profile_id, aliases)
        for section in ("wait", "arrived"):
            state.pop(section, None)
        if parts:
            state["barred"] = sorted({*state.get("barred", ()), *parts})
        self._cease(profile_id, state)
        self._touched.pop(profile_id, None)
        self._drop_if_nothing(profile_id, state)
        return numbers

    def forgotten(self, profile_id: str, part: str) -> None:
        """Take in that a fragment has been erased: it may come again, of what was received since."""
        state = self._working.load(profile_key(profile_id))
        if state is None:
            return
        if part in state.get("barred", ()):
            state["barred"].remove(part)
            if not state["barred"]:
                del state["barred"]
            self._working.save(profile_key(profile_id), state)
            self._drop_if_nothing(profile_id, state)
        elif part in state["parts"]:
            entry = state["parts"].pop(part)
            if entry[4]:
                self._working.save(replica_key(profile_id, part), None)
            if not state["parts"]:
                self.memberships.erase(state, profile_id, [])
            self._working.save(profile_key(profile_id), state)
            self.touch(profile_id, everything("erasure"))

    def _drop_if_nothing(self, profile_id: str, state: State) -> None:
        """Keep nothing about an id that was never published."""
        if not (state["parts"] or state["v"] or state["m"] or "barred" in state):
            self._working.save(profile_key(profile_id), None)

    def due(self, profile_id: str, at: int) -> None:
        """Look at a profile whose timer has come; a timer that has been replaced since says nothing."""
        self._working.put_raw(timer_key(at, profile_id), None)
        state = self._working.load(profile_key(profile_id))
        if state is not None and state.get("n") == at:
            state["n"] = None
            self._working.save(profile_key(profile_id), state)
            self.touch(profile_id, Touch("time"))

    def settle(self) -> None:
        """Publish every profile that was touched, and what changed in its segments."""
        touched, self._touched = self._touched, {}
        for profile_id, reason in touched.items():
            self._settle(profile_id, reason)

    def _settle(self, profile_id: str, reason: Touch) -> None:
        state = self._state(profile_id)
        if not state["parts"]:
            self._answer_arrivals(profile_id, state, {})
            self._cease(profile_id, state)
            return
        fragments, history = self.parts(profile_id, state)
        is_somebody = any(fragments)
        if not is_somebody and ("ceased" in state or not state["v"]):
            # Identifiers that no event of theirs has come with yet: nobody, until one does.
            return
        had_ceased = state.pop("ceased", False)
        before: dict[str, Any] = self._working.load(view_key(profile_id)) or {}
        merged: dict[str, Any] = {}
        if before and reason.only_defined and not had_ceased:
            # What it shows besides its segments was published when that last changed.
            document = {**before}
        else:
            merged = merge.merge(fragments)
            document = self._document(profile_id, state, merged, before)
        if is_somebody and not state.get("wait"):
            members = self.memberships.of(state) if "arrived" in state else {}
            self.memberships.evaluate(state, document, before, merged, history, reason)
            self._answer_arrivals(profile_id, state, members)
        document["segments"] = self.memberships.shown(state)
        self._schedule(profile_id, state)
        if document != before:
            self._publish(profile_id, state, document)

    def _document(
        self, profile_id: str, state: State, merged: dict[str, Any], before: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the profile as it is now, without its segments."""
        roster = self._roster(state)
        return profile_view(
            merged,
            profile_id=profile_id,
            roster=roster,
            aliases=aliases_of(profile_id, roster),
            segments=(),
            version=before.get("version", 0),
        )

    def parts(self, profile_id: str, state: State) -> tuple[list[dict[str, Any]], Merged]:
        """Return the fragments of all parts, and what their histories of the event clauses say together."""
        fragments, histories = [], []
        for part, entry in state["parts"].items():
            if entry[4]:
                fragment, history = self._working.load(replica_key(profile_id, part))
            else:
                _, fragment, _, history = self._working.load(home_key(part))
            fragments.append(fragment)
            histories.append(history)
        return fragments, Merged(self._context.observing.leaves, histories)

    def _roster(self, state: State) -> list[dict[str, Any]]:
        """Return the identifiers assigned to the profile, strongest first; orders are parts but no identifiers."""
        roster = [
            {"type": type_, "value": value, "from": start, "to": end}
            for type_, value, start, end, _ in state["parts"].values()
            if family_of(type_) != "order"
        ]
        if len(roster) > 1:
            roster.sort(key=lambda each: (*strength(Identifier(each["type"], each["value"])), each["from"] or -(2**62)))
        return roster

    def _answer_arrivals(self, profile_id: str, state: State, before: dict[str, list[int]]) -> None:
        """Tell each profile that ceased in favour of this one which memberships go on here; the first to come has
        them.
        """
        arrived: dict[str, Any] | None = state.pop("arrived", None)
        if arrived is None:
            return
        taken = set(before)
        now = self.memberships.of(state)
        for sender, members in arrived.items():
            outcome = {}
            for segment in members:
                outcome[segment] = "moved" if segment in now and segment not in taken else "surplus"
                taken.add(segment)
            self._context.deliver(sender, ["handed", profile_id, outcome])

    def _schedule(self, profile_id: str, state: State) -> None:
        due = self.memberships.next_due(state)
        if due == state["n"]:
            return
        if state["n"] is not None:
            self._working.put_raw(timer_key(state["n"], profile_id), None)
        if due is not None:
            self._working.put_raw(timer_key(due, profile_id), b"")
        state["n"] = due

    def _publish(self, profile_id: str, state: State, document: dict[str, Any]) -> None:
        state["v"] += 1
        document["version"] = state["v"]
        encoded = dumps(document)
        self._working.save_encoded(view_key(profile_id), document, encoded)
        self._context.send(self._context.topics.profiles, profile_id, encoded)
        self._context.count("profiles_published")

    def _cease(self, profile_id: str, state: State) -> None:
        """Publish that the profile is no more, once; its numbers are kept, should the id come back."""
        if state["n"] is not None:
            self._working.put_raw(timer_key(state["n"], profile_id), None)
            state["n"] = None
        if not state.pop("ceased", False) and state["v"]:
            self._context.send(self._context.topics.profiles, profile_id, None)
            self._context.count("profiles_ceased")
        if state["v"]:
            state["ceased"] = True
        if not self.memberships.of(state):
            self._working.save(view_key(profile_id), None)


def aliases_of(profile_id: str, roster: list[dict[str, Any]]) -> list[str]:
    """Return the seeds of the profile's other identifiers, in the roster's order, each once."""
    seeds = dict.fromkeys(seed_of(Identifier(each["type"], each["value"])) for each in roster)
    seeds.pop(profile_id, None)
    return list(seeds)
