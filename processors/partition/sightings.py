"""What a unit's seeds tell the identity writer: identifiers seen together, each once; logins; answers to its questions.

A seed's memory of what it has told is stored apart from the seed's state (`told_key`): the state is read at every
event, the memory only when an event may say something new.
"""

from collections.abc import Sequence
from typing import Any

from processors.identity.evidence import Watch, pairs_of
from processors.identity.seen import arrived, ask, novel, weak_key
from processors.partition.context import Context
from processors.partition.keys import RELEASES, home_key, told_key
from schemas.identifier import Identifier, seed_of

# Seeds whose last identifiers are kept in memory, to be recognised without looking into what was told.
QUIET_SEEDS = 4_000


class Sightings:
    """The evidence of one unit during a batch. Questions to the archive go into `questions`, by job name."""

    def __init__(self, context: Context, questions: dict[str, dict[str, Any]]) -> None:
        self._context = context
        self._working = context.working
        self._questions = questions
        self._quiet: dict[str, tuple[list[dict[str, str]], int]] = {}

    def event(self, seed: str, event: dict[str, Any], t: int) -> None:
        """Tell what an event at `t` (ms) shows that has not been told yet."""
        identifiers = event["identifiers"]
        if len(identifiers) == 1 and identifiers[0]["type"] != "email" and event["type"] != "alias":
            return
        quiet = self._quiet.get(seed)
        if quiet is not None and quiet[0] == identifiers and t >= quiet[1] and event["type"] != "alias":
            return
        pairs, logins = pairs_of(event)
        if not pairs and not logins:
            return
        key = told_key(seed)
        told = self._working.load(key) or {}
        items = novel(told, pairs, logins, self._releases())
        if items:
            self._context.evidence.extend(items)
            self._working.save(key, told)
        if "a" not in told:
            # The same identifiers at a later moment say nothing new: most events of a known visitor end above.
            if len(self._quiet) >= QUIET_SEEDS:
                self._quiet.clear()
            self._quiet[seed] = (identifiers, t + 1)

    def watch(self, seed: str, identifier: list[str], weak: list[str] | None) -> bool:
        """Take in a question of the writer about a seed; return whether it is answered only when an event comes."""
        key = told_key(seed)
        told = self._working.load(key) or {}
        question = Watch(Identifier(*identifier), None if weak is None else Identifier(*weak))
        has_events = self._working.load(home_key(seed)) is not None
        self._context.evidence.extend(ask(told, question, has_events))
        self._working.save(key, told)
        self._quiet.pop(seed, None)
        if weak is not None:
            name = f"logins:{seed}:{seed_of(Identifier(*weak))}"
            self._questions[name] = {"kind": "logins", "seed": seed, "weak": weak}
        return weak is None and not has_events

    def arrived(self, seed: str) -> None:
        """Answer what was owed to the writer until an event of this seed came."""
        told = self._working.load(told_key(seed)) or {}
        self._context.evidence.extend(arrived(told))
        self._working.save(told_key(seed), told)

    def forget(self, seed: str) -> None:
        """Forget what the seed has told, and what it was asked."""
        if self._working.load(told_key(seed)) is not None:
            self._working.save(told_key(seed), None)
        self._quiet.pop(seed, None)

    def tell_again(self, seed: str) -> None:
        """Forget what the seed has told, but not what it was asked: everything that its events show is new again."""
        told = self._working.load(told_key(seed))
        if told is not None:
            self._working.save(told_key(seed), {key: told[key] for key in ("a", "k") if key in told} or None)
        self._quiet.pop(seed, None)

    def _releases(self) -> dict[Identifier, int]:
        """Return the identifiers that operators have released, and since when their evidence counts (ms)."""
        return {Identifier(type_, value): at for type_, value, at in self._working.load(RELEASES) or ()}

    def released(self, type_: str, value: str, at: int) -> None:
        """Forget what was told about an identifier from before `at`; tell again what its events have said since."""
        kept = [each for each in self._working.load(RELEASES) or () if each[:2] != [type_, value]]
        self._working.save(RELEASES, [*kept, [type_, value, at]])
        self._quiet.clear()
        name = f"released:{seed_of(Identifier(type_, value))}"
        self._questions[name] = {"kind": "released", "identifier": [type_, value], "at": at}

    def evidence_of(self, identifier: list[str], archived: Sequence[dict[str, Any]]) -> None:
        """Tell everything that archived events say about an identifier."""
        for event in archived:
            for items in pairs_of(event):
                self._context.evidence.extend(item for item in items if identifier in (item[1:3], item[3:5]))

    def logins(self, weak: list[str], archived: Sequence[dict[str, Any]]) -> None:
        """Tell every login on `weak` that the archived events hold."""
        wanted = weak_key(["login", *weak])
        for event in archived:
            _, logins = pairs_of(event)
            self._context.evidence.extend(item for item in logins if weak_key(item) == wanted)
