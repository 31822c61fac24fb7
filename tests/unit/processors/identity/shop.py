"""Small worlds for identity tests: events in the notation of the cases, and a running system of workers and writer.

`at(5, u="u1", a="a1", e="j@x.fr")` is one canonical event. `System` is what surrounds the fold in production, without
Kafka: partitions whose seeds remember what they sent, and a writer that may be killed between any two batches.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from processors.identity.evidence import Item, Release, Watch, pairs_of
from processors.identity.fold import IdentityFold
from processors.identity.outcome import Outcome
from processors.identity.policy import Policy
from processors.identity.resolve import Slice, World, resolve
from processors.identity.seen import Seen, arrived, ask, novel
from schemas.identifier import Identifier, event_id_of, is_weak, seed_of, strength, strongest
from schemas.records import Assignment
from schemas.times import to_iso, to_millis


class Event(dict[str, Any]):
    """A canonical event that shows itself in the notation of `at`."""

    def __repr__(self) -> str:
        letters = {type_: letter for letter, type_ in TYPES.items()}
        named = ", ".join(f"{letters[i['type']]}={i['value']!r}" for i in self["identifiers"])
        previous = f", previous={self['context']['previous_id']!r}" if self["context"] else ""
        return f"at({to_millis(self['occurred_at']) // 1000}, {named}{previous})"


TYPES = {
    "u": "user_id",
    "a": "anonymous_id",
    "d": "device_id",
    "e": "email",
    "p": "phone",
    "l": "loyalty_id",
    "s": "shopify:shop-a",
    "w": "woocommerce:site-b",
    "c": "chatwoot:1",
    "o": "order:shop-a",
}


def at(t: int, *, message: str | None = None, previous: str | None = None, **identifiers: str) -> Event:
    """Return the event at second `t` that carries identifiers by their letter in `TYPES`; two of one type as `e2=`."""
    found = [Identifier(TYPES[letter[0]], value) for letter, value in identifiers.items()]
    found.sort(key=strength)
    name = message or f"m{t}-" + "-".join(f"{i.type}={i.value}" for i in found) + (f"<{previous}" if previous else "")
    return Event(
        {
            "schema_version": 1,
            "event_id": event_id_of("test", name),
            "source": "test",
            "channel": "web",
            "type": "alias" if previous else "track",
            "event": None if previous else "Seen",
            "message_id": name,
            "seed": seed_of(strongest(found)),
            "identifiers": [{"type": type_, "value": value} for type_, value in found],
            "occurred_at": to_iso(t * 1000),
            "received_at": to_iso(t * 1000),
            "properties": {},
            "traits": {},
            "context": {"previous_id": previous} if previous else {},
            "integrations": {},
            "flags": [],
        }
    )


def identifiers_of(event: Mapping[str, Any]) -> list[Identifier]:
    return [Identifier(i["type"], i["value"]) for i in event["identifiers"]]


def speaks_of(event: Event) -> list[Identifier]:
    """Return the identifiers of an event, and what the previous id of an alias may be read as."""
    previous = event["context"].get("previous_id")
    readings = [Identifier(type_, previous) for type_ in ("user_id", "anonymous_id")] if previous else []
    return identifiers_of(event) + readings


class View:
    """What somebody who reads `identity.assignments` believes."""

    def __init__(self) -> None:
        self.slices: dict[Identifier, dict[int | None, Assignment]] = {}

    def apply(self, assignment: Assignment) -> None:
        identifier = Identifier(assignment["type"], assignment["value"])
        assert assignment["seed"] == seed_of(identifier)
        held = self.slices.setdefault(identifier, {})
        before = held.get(assignment["from"])
        if assignment["profile_id"] is None:
            assert before is not None, "a slice ceased that never was"
            del held[assignment["from"]]
        else:
            assert before != assignment, "nothing changed"
            held[assignment["from"]] = assignment

    def profile_at(self, identifier: Identifier, t: int) -> str:
        for assignment in self.slices.get(identifier, {}).values():
            start, end = assignment["from"], assignment["to"]
            if (start is None or start <= t) and (end is None or t < end):
                assert assignment["profile_id"] is not None
                return assignment["profile_id"]
        return seed_of(identifier)

    def of(self, identifier: Identifier) -> list[tuple[int | None, int | None, str | None]]:
        held = self.slices.get(identifier, {})
        ordered = sorted(held.values(), key=lambda a: (a["from"] is not None, a["from"] or 0))
        return [(a["from"], a["to"], a["profile_id"]) for a in ordered]


class System:
    """Workers and a writer. `crash` may be called between any two batches: only what was written survives."""

    def __init__(self, policy: Policy, capacity: int = 1000) -> None:
        self.policy = policy
        self.capacity = capacity
        self.kept: dict[bytes, bytes] = {}
        self.view = View()
        self.decisions: dict[str, Any] = {}
        self.version = 0
        self.outbox: list[Item] = []
        self.sent: list[Item] = []
        self.seen: dict[Identifier, Seen] = {}
        self.events: dict[str, Event] = {}
        self.releases: dict[Identifier, int] = {}
        self.crash()

    def crash(self) -> None:
        self.fold = IdentityFold(self.policy, self.kept.get, self.capacity)

    def receive(self, event: Event) -> None:
        """A worker takes an event in and sends what is new in it."""
        if event["event_id"] in self.events:
            return
        self.events[event["event_id"]] = event
        owner = strongest(identifiers_of(event))
        seen = self.seen.setdefault(owner, {})
        self.outbox += arrived(seen)
        self.outbox += novel(seen, *pairs_of(event), self.releases)

    def write(self) -> Outcome:
        """The writer folds what is in its log, and the workers answer its questions."""
        items, self.outbox = self.outbox, []
        self.sent += items
        self.version += 1
        return self.publish(self.fold.fold(items, self.version))

    def publish(self, outcome: Outcome) -> Outcome:
        """The writer's transaction: all of it or nothing."""
        for assignment in outcome.assignments:
            self.view.apply(assignment)
        for decision in outcome.decisions:
            self.decisions[decision["decision_id"]] = decision
        for key, value in outcome.writes.items():
            if value is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = value
        for watch in outcome.watches:
            self._answer(watch)
        for released in outcome.releases:
            self._forget(released)
        return outcome

    def _forget(self, released: Release) -> None:
        """A release reaches the workers: what they said before does not count, so they say again what still does."""
        self.releases[released.identifier] = released.at
        for event in self.events.values():
            if to_millis(event["occurred_at"]) >= released.at and released.identifier in speaks_of(event):
                for part in pairs_of(event):
                    self.outbox += part

    def _answer(self, watch: Watch) -> None:
        mine = [e for e in self.events.values() if strongest(identifiers_of(e)) == watch.identifier]
        self.outbox += ask(self.seen.setdefault(watch.identifier, {}), watch, bool(mine))
        if watch.weak is not None:
            for event in mine:
                self.outbox += [i for i in pairs_of(event)[1] if weak_of(i) == watch.weak]

    def settle(self) -> None:
        """Write until nothing is left to say."""
        for _ in range(100):
            self.write()
            if not self.outbox:
                return
        raise AssertionError("the protocol does not come to rest")

    def standing(self) -> list[tuple[str, Identifier, Identifier, str, str]]:
        """Return the joins and refusals in force, as kind, a, b, rule and event."""
        return sorted(
            (d["kind"], Identifier(**d["a"]), Identifier(**d["b"]), d["rule"], [*d["event_ids"], d["decision_id"]][0])
            for d in self.decisions.values()
            if d["kind"] in ("join", "refuse") and not self._is_stale(d)
        )

    def _is_stale(self, decision: Any) -> bool:
        """A release of a shared identifier ends its refusals without naming each of its many neighbours."""
        pair = (Identifier(**decision["a"]), Identifier(**decision["b"]))
        when = to_millis(decision["at"])
        return decision["rule"] == "shared" and any(when < self.releases.get(identifier, when) for identifier in pair)


def weak_of(item: Item) -> Identifier:
    return Identifier("anonymous_id", item[2]) if item[0] == "alias" else Identifier(item[1], item[2])


def run(
    events: Iterable[Event | Item],
    policy: Policy | None = None,
    batch: int = 1,
    crash: bool = False,
    capacity: int = 1000,
) -> System:
    """Return the system after it has received events (or operators' items), writing after every `batch` of them."""
    system = System(policy or Policy.default(), capacity)
    for count, event in enumerate(events, 1):
        if isinstance(event, list):
            system.outbox.append(event)
        else:
            system.receive(event)
        if count % batch == 0:
            system.write()
            if crash:
                system.crash()
    system.settle()
    return system


def check(system: System, world: World) -> None:
    """Assert that a system at rest publishes what `resolve` says."""
    for event in system.events.values():
        identifier = strongest(identifiers_of(event))
        published = system.view.profile_at(identifier, to_millis(event["occurred_at"]))
        assert published == world.profiles[event["event_id"]], event
    for identifier, owner in world.owners.items():
        assert system.view.profile_at(identifier, 0) == seed_of(owner), identifier
    for weak, slices in world.slices.items():
        assert system.view.of(weak) == published_form(slices), weak
    for identifier in system.view.slices:
        if is_weak(identifier.type):
            assert identifier in world.slices or not system.view.of(identifier), identifier
        else:
            owner = world.owners.get(identifier, identifier)
            assert system.view.profile_at(identifier, 0) == seed_of(owner), identifier
    refused = sorted((r.a, r.b, r.rule, r.when[2]) for r in world.refusals)
    assert [standing[1:] for standing in system.standing() if standing[0] == "refuse"] == refused


def published_form(slices: list[Slice]) -> list[tuple[int | None, int | None, str | None]]:
    return [(s.start, s.end, seed_of(s.owner)) for s in slices]


def same(events: Sequence[Event], policy: Policy | None = None, decisions: Sequence[Item] = ()) -> World:
    """Return what `resolve` says about events under a policy."""
    return resolve(events, policy or Policy.default(), decisions)
