"""The seed's level: fold events into the fragments of their seed, and hand each fragment to the profile that owns it.

A seed's state is `{"id": [type, value], "sl": [slices], "owed": bool, "held": bool, "buffer": […]}`,
all optional, and absent for the many seeds whose events carry one identifier only. A fragment is stored as
`[delivered_to, fragment, [type, value], history]`: which profile has it, what its events say, whose it is, and what the
event clauses of segments have to remember of them.
"""

from collections.abc import Sequence
from typing import Any

from processors.partition.context import Context
from processors.partition.followers import Followers, owner_at
from processors.partition.keys import home_key, part_of, seed_key
from processors.partition.sightings import Sightings
from processors.partition.slices import Slice, drop_slice, put_slice, slice_at
from processors.partition.touch import Touch, everything
from processors.profile import fragment as fragments
from processors.profile import merge, orders
from processors.segments import windows
from processors.segments.evaluate import observe
from schemas.identifier import family_of, is_weak, seed_of
from schemas.times import to_millis


class Seeds:
    """Seeds of one unit during a batch. `questions` collects what the archive must be asked, by job name."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._working = context.working
        self._dirty: dict[str, Touch] = {}
        self._dropped: dict[str, str] = {}
        self.questions: dict[str, dict[str, Any]] = {}
        self.sightings = Sightings(context, self.questions)
        self._followers = Followers(context)

    def event(self, event: dict[str, Any], t: int) -> None:
        """Fold one event, counted for the first time, that happened at `t` (ms)."""
        seed = event["seed"]
        state = self._working.load(seed_key(seed))
        slices = state.get("sl") if state else None
        place = slice_at(slices, t) if slices else None
        part = part_of(seed, place[0]) if place else seed
        self._fold(part, event, t)
        if state is not None:
            self._remember(seed, state, event)
        self.sightings.event(seed, event, t)
        if event["channel"] == "order":
            self._forward_order(seed, event, t, place[2] if place else seed)

    def _remember(self, seed: str, state: dict[str, Any], event: dict[str, Any]) -> None:
        """Keep what waits for an event of this seed: a question to the archive, an answer owed to the writer."""
        if "buffer" in state:
            state["buffer"].append(event)
            self._working.save(seed_key(seed), state)
        if state.pop("owed", False):
            self.sightings.arrived(seed)
            self._working.save(seed_key(seed), state)

    def _fold(self, part: str, event: dict[str, Any], t: int) -> None:
        key = home_key(part)
        home = self._working.load(key)
        if home is None:
            first = event["identifiers"][0]
            home = [None, fragments.empty(), [first["type"], first["value"]], {}]
        fragments.fold(home[1], event, t)
        tokens = observe(self._context.observing, home[3], event, t, self._context.now)
        self._working.save(key, home)
        self.touch(part, Touch("event", event["event_id"], t, dict.fromkeys(tokens)))

    def fold_leaves(self, event: dict[str, Any], tokens: frozenset[str]) -> None:
        """Observe an archived event for the event clauses `tokens` only; everything else it said has been folded."""
        observers = self._context.observing.observers.get(event["event"], ())
        t = to_millis(event["occurred_at"])
        if self._context.masks:
            seen = self._context.masks.apply(event, t, to_millis(event["received_at"]))
            if seen is None:
                return
            event = seen
        seed = event["seed"]
        state = self._working.load(seed_key(seed))
        slices = state.get("sl") if state else None
        part = part_of(seed, slice_at(slices, t)[0]) if slices else seed
        home = self._working.load(home_key(part))
        if home is None:
            return
        changed = [
            token for token, observer in observers if token in tokens and observer(event, home[3], t, self._context.now)
        ]
        if not changed:
            return
        self._working.save(home_key(part), home)
        if home[0] is None or not self._context.is_here(home[0]):
            # An owner who lives here reads the fragment itself when everybody is looked at.
            self.touch(part, Touch("definition", tokens=dict.fromkeys(changed)))

    def drop_leaves(self, part: str, leaves: Sequence[str]) -> None:
        """Forget what a fragment keeps for event clauses that nobody needs any more."""
        home = self._working.load(home_key(part))
        if home is None or not any(leaf in home[3] for leaf in leaves):
            return
        for leaf in leaves:
            home[3].pop(leaf, None)
        self._working.save(home_key(part), home)
        # Whoever has a copy gets this one.
        self.touch(part, Touch("definition", tokens={}))

    def touch(self, part: str, reason: Touch) -> None:
        """Have a fragment handed to its owner at the end of the batch."""
        before = self._dirty.get(part)
        if before is None:
            self._dirty[part] = reason
        else:
            before.add(reason)

    def _state(self, seed: str) -> dict[str, Any]:
        state: dict[str, Any] = self._working.load(seed_key(seed)) or {}
        self._working.save(seed_key(seed), state)
        return state

    def _forward_order(self, seed: str, event: dict[str, Any], t: int, owner: str) -> None:
        identifier = orders.order_of(event)
        if identifier is None:
            return
        order_seed = seed_of(identifier)
        if order_seed == seed:
            self._context.deliver(order_seed, ["order", event, None])
            return
        self._followers.add(seed, order_seed, t)
        self._context.deliver(order_seed, ["order", event, owner])

    def forward_order(self, event: dict[str, Any]) -> None:
        """Forward an event about an order that was forwarded before, to an order that has been forgotten since."""
        seed, t = event["seed"], to_millis(event["occurred_at"])
        state = self._working.load(seed_key(seed)) or {}
        self._forward_order(seed, event, t, owner_at(seed, state.get("sl", []), t))

    def assign(self, record: dict[str, Any]) -> None:
        """Apply one record of `identity.assignments`; those about orders are this unit's own and say nothing new."""
        if family_of(record["type"]) != "order":
            self.place(
                record["seed"], [record["type"], record["value"]], record["from"], record["to"], record["profile_id"]
            )

    def place(self, seed: str, identifier: list[str], start: int | None, end: int | None, owner: str | None) -> None:
        """Give the slice of `seed` that begins at `start` to `owner`; None joins the slice to the one before it."""
        state = self._state(seed)
        state["id"] = identifier
        slices: list[Slice] = state.setdefault("sl", [])
        before = [list(each) for each in slices]
        if owner is None:
            if drop_slice(slices, start):
                self._join_back(seed, slices, start)
            if not slices:
                del state["sl"]
            if not state.keys() - {"id", "sl"} and not slices:
                self._working.save(seed_key(seed), None)
        else:
            put_slice(slices, start, end, owner)
            self._cut(seed, slices, start, identifier)
        self._followers.tell(seed, before, slices)

    def _join_back(self, seed: str, slices: list[Slice], start: int | None) -> None:
        """Merge the fragment of a slice that exists no longer into the slice that now holds its time."""
        part = part_of(seed, start)
        home = self._working.load(home_key(part))
        if home is None:
            return
        target = part_of(seed, slice_at(slices, start or 0)[0]) if slices else seed
        if not slices and not home[1]:
            self._let_go(part, home)
            return
        if target == part:
            self.touch(part, everything("identity"))
            return
        self._working.save(home_key(part), None)
        self._dirty.pop(part, None)
        if home[0] is not None:
            self._dropped[part] = home[0]
        self._absorb(target, home)

    def _let_go(self, part: str, home: list[Any]) -> None:
        """Remove a fragment without events that nobody owns: it is nobody."""
        self._working.save(home_key(part), None)
        self._dirty.pop(part, None)
        if home[0] is not None:
            self._context.deliver(home[0], ["gone", part, home[0]])

    def _absorb(self, part: str, home: list[Any]) -> None:
        there = self._working.load(home_key(part))
        if there is None:
            merged = [None, home[1], home[2], windows.merge(self._context.observing.leaves, [home[3]])]
        else:
            history = windows.merge(self._context.observing.leaves, [there[3], home[3]])
            merged = [there[0], merge.merge([there[1], home[1]]), there[2], history]
        self._working.save(home_key(part), merged)
        self.touch(part, everything("identity"))

    def _cut(self, seed: str, slices: list[Slice], start: int | None, identifier: list[str]) -> None:
        """See to it that the slice from `start` has its own fragment, holding the events from then on."""
        part = part_of(seed, start)
        if self._working.load(home_key(part)) is None:
            self._working.save(home_key(part), [None, fragments.empty(), identifier, {}])
            self._move_events(seed, slices, start)
        self.touch(part, everything("identity"))

    def _move_events(self, seed: str, slices: list[Slice], start: int | None) -> None:
        """Move the events from `start` on out of the slice before it: all, none, or by folding them anew."""
        earlier = [each for each in slices if start is not None and (each[0] is None or each[0] < start)]
        if not earlier or start is None:
            return
        origin = part_of(seed, earlier[-1][0])
        home = self._working.load(home_key(origin))
        span = home[1].get("seen") if home else None
        if span is None or span[1] < start:
            return
        if span[0] < start:
            self._ask_again(seed)
            return
        self._working.save(home_key(origin), [home[0], fragments.empty(), home[2], {}])
        self.touch(origin, everything("identity"))
        self._absorb(part_of(seed, start), home)

    def _ask_again(self, seed: str) -> None:
        """Have the seed's events folded anew from the archive: a fragment cannot be taken apart."""
        self.questions[f"refold:{seed}"] = {"kind": "refold", "seed": seed}

    def start_buffer(self, seed: str) -> None:
        """Keep the seed's later events, which the archive's answer will not hold."""
        self._state(seed).setdefault("buffer", [])

    def refold(self, seed: str, archived: Sequence[dict[str, Any]]) -> None:
        """Replace the seed's fragments by the fold of its archived events and of those kept since the question."""
        state = self._state(seed)
        kept: list[dict[str, Any]] = state.pop("buffer", [])
        slices = state.get("sl", [])
        for each in slices or [[None, None, seed]]:
            key = home_key(part_of(seed, each[0]))
            home = self._working.load(key)
            if home is not None:
                self._working.save(key, [home[0], fragments.empty(), home[2], {}])
        for event in {event["event_id"]: event for event in (*archived, *kept)}.values():
            t = to_millis(event["occurred_at"])
            place = slice_at(slices, t) if slices else None
            self._fold(part_of(seed, place[0]) if place else seed, event, t)
            self.sightings.event(seed, event, t)
        for each in slices or [[None, None, seed]]:
            self.touch(part_of(seed, each[0]), everything("identity"))
        home = self._working.load(home_key(seed))
        if not slices and home is not None and not home[1]:
            self._let_go(seed, home)
        if not state.keys() - {"id"}:
            self._working.save(seed_key(seed), None)

    def fold_anew(self, seed: str) -> None:
        """Have everything that this seed's events say folded and told anew, through the masks that are on now."""
        self.sightings.tell_again(seed)
        self._ask_again(seed)

    def forget(self, seed: str, part: str, bounds: tuple[int | None, int | None]) -> None:
        """Drop what a fragment says, and unless it is a slice only, what its seed has told.

        Whose it is stays until the identity writer says otherwise.
        """
        state = self._working.load(seed_key(seed)) or {}
        parts = {part: None}
        whole = bounds == (None, None)
        if whole:
            parts |= dict.fromkeys(part_of(seed, each[0]) for each in state.get("sl", ()))
            self.sightings.forget(seed)
        if "buffer" in state:
            state["buffer"] = self._unmasked(state["buffer"])
            self._working.save(seed_key(seed), state)
        self._followers.forget(seed, bounds)
        for each in parts:
            self._dirty.pop(each, None)
            self._dropped.pop(each, None)
            home = self._working.load(home_key(each))
            if home is not None:
                # A slice is there, without events, for as long as the writer says that there is one.
                emptied = [None, fragments.empty(), home[2], {}] if "sl" in state else None
                self._working.save(home_key(each), emptied)
                if home[0] is not None:
                    self._context.deliver(home[0], ["forgotten", each])

    def forget_order(self, seed: str) -> None:
        """Drop everything about an order's seed: whose it was, its own unit says."""
        self._working.save(seed_key(seed), None)

    def _unmasked(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        masks = self._context.masks
        seen = (
            masks.apply(event, to_millis(event["occurred_at"]), to_millis(event["received_at"])) for event in events
        )
        return [event for event in seen if event is not None]

    def watch(self, seed: str, identifier: list[str], weak: list[str] | None) -> None:
        """Answer the identity writer's question about this seed, now or when an event comes; see `evidence.Watch`."""
        if self.sightings.watch(seed, identifier, weak):
            self._state(seed)["owed"] = True

    def follow(self, seed: str, order_seed: str, at: int) -> None:
        """Tell an order who owns this seed at `at`, now and whenever it changes."""
        self._followers.add(seed, order_seed, at)
        state = self._working.load(seed_key(seed)) or {}
        self._context.deliver(order_seed, ["owner", seed, owner_at(seed, state.get("sl", []), at)])

    def unfollow(self, seed: str, order_seed: str) -> None:
        """Stop telling an order about this seed."""
        self._followers.remove(seed, order_seed)

    def hand_over(self) -> None:
        """Hand every changed fragment to its owner, and take it from whoever had it before."""
        dropped, self._dropped = self._dropped, {}
        for part, owner in dropped.items():
            seed = part.partition("/")[0]
            state = self._working.load(seed_key(seed))
            slices = state.get("sl") if state else None
            self._context.deliver(owner, ["gone", part, slices[0][2] if slices else seed])
        dirty, self._dirty = self._dirty, {}
        for part, reason in dirty.items():
            self._hand_over(part, reason)

    def _hand_over(self, part: str, reason: Touch) -> None:
        home = self._working.load(home_key(part))
        if home is None:
            return
        seed, _, start = part.partition("/")
        state = self._working.load(seed_key(seed))
        owner, roster = self._owner(seed, int(start) if start else None, state, home[2])
        if owner is None:
            return
        delivered = home[0]
        moved_from = None
        if delivered is not None and delivered != owner:
            self._context.deliver(delivered, ["gone", part, owner])
            moved_from = delivered
        if delivered != owner:
            home[0] = owner
            self._working.save(home_key(part), home)
        body = None if self._context.is_here(owner) else [home[1], home[3]]
        tokens = None if reason.tokens is None else list(reason.tokens)
        because = [reason.kind if moved_from is None else "identity", reason.event_id, reason.at, tokens]
        self._context.deliver(owner, ["part", part, roster, body, because, moved_from])

    def _owner(
        self, seed: str, start: int | None, state: dict[str, Any] | None, identifier: list[str]
    ) -> tuple[str | None, list[Any]]:
        """Return who owns a fragment, and what its owner lists: type, value, from, to. An owner of None: not known
        yet.
        """
        if state is not None:
            if state.get("held"):
                return None, []
            for each in state.get("sl", ()):
                if each[0] == start:
                    bounds = [each[0], each[1]] if is_weak(identifier[0]) else [None, None]
                    return each[2], [*identifier, *bounds]
            if state.get("sl"):
                return slice_at(state["sl"], start or 0)[2], [*identifier, None, None]
        return seed, [*identifier, None, None]
