"""Forgetting a person: the steps of docs/decisions/0005-erasure.md that units take, each a part of some batch.

A request comes to the seed of its identifier (`forget`), waits until everything that the log held has been folded
(`settled`), then goes to the profile that owns the seed (`erase`). That profile's unit keeps in its state how far the
walk has come. It tells every unit whom to forget (`mask`), once all have (`done`) the identity writer, then every unit
to fold anew what there was of others and what came since (`again`); then it has the archive's rows removed (`expunge`)
and publishes the report. Each stage begins when the one before has ended everywhere, so nothing from before can arrive
behind it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from processors.erasure.report import report_of
from processors.partition.context import Context
from processors.partition.duplicates import Seen
from processors.partition.keys import home_key, profile_key, seed_key, seed_of_part, walk_key
from processors.partition.messages import Item, encode
from processors.partition.orders import Orders
from processors.partition.profiles import Profiles
from processors.partition.seeds import Seeds
from processors.partition.touch import everything
from processors.profile import orders as order_folds
from schemas.codec import dumps, loads
from schemas.identifier import Identifier, family_of, seed_of
from schemas.privacy import PROFILE_ID, Hidden, Request, record_of
from schemas.times import to_iso, to_millis

# The identity writer among the units of a walk; the others are numbers.
WRITER = "identity"
# Kinds of questions whose answers come here.
ANSWERS = frozenset({"settled", "carrying", "expunge"})
Row = list[Any]  # [part, type, value, from, to]: one of the person's fragments


class Forgetting:
    """The erasures of one unit during a batch. `questions` are those that the archive must be asked, by job name."""

    def __init__(
        self,
        context: Context,
        partitions: int,
        seeds: Seeds,
        orders: Orders,
        profiles: Profiles,
        seen: Seen,
    ) -> None:
        self._context = context
        self._partitions = partitions
        self._working = context.working
        self._seeds = seeds
        self._orders = orders
        self._profiles = profiles
        self._seen = seen
        self._questions = seeds.questions

    def forget(self, seed: str, request: Request) -> None:
        """Take in a request about an identifier whose seed lives here: first everything before it has to be folded."""
        name = f"settled:{request['request_id']}"
        self._questions[name] = {"kind": "settled", "seed": seed, "request": request, "positions": {}}

    def answer(self, job: Mapping[str, Any], rows: Sequence[bytes]) -> None:
        """Go on with a walk whose question has been answered."""
        if job["kind"] == "settled":
            self._settled(job)
        elif job["kind"] == "carrying":
            self._carrying(job, rows)
        else:
            self._expunged(job, rows)

    def _settled(self, job: Mapping[str, Any]) -> None:
        """Send the request on to whoever owns the seed, of a weak one to its latest owner."""
        seed: str = job["seed"]
        state = self._working.load(seed_key(seed)) or {}
        slices = state.get("sl")
        owner = slices[-1][2] if slices else seed
        part = seed if not slices or slices[-1][0] is None else f"{seed}/{slices[-1][0]}"
        home = self._working.load(home_key(part))
        known = home is not None and (home[0] == owner or state.get("held", False))
        self._context.deliver(owner, ["erase", job["request"], part if known else None])

    def erase(self, profile_id: str, request: Request, part: str | None) -> None:
        """Erase a profile: publish that it is no more, hide its identifiers, and begin the walk.

        `part` is a fragment that it is said to own; if it does not, the person has moved on, and is looked for anew.
        """
        state = self._working.load(profile_key(profile_id)) or {}
        known = state.get("parts", {})
        if part is not None and part not in known:
            self._context.deliver(part.partition("/")[0], ["forget", request])
            return
        rows: list[Row] = [[name, *entry[:4]] for name, entry in known.items()]
        type_, value = request["identifier"]
        if type_ != PROFILE_ID and [type_, value] not in [row[1:3] for row in rows]:
            rows.append([seed_of(Identifier(type_, value)), type_, value, None, None])
        numbers = self._profiles.vanish(profile_id)
        record = record_of(request, "masked")
        context = self._context
        record["masked_at"] = to_iso(context.now)
        record["hidden"] = [*self._hidden(rows), *self._hidden_profiles(profile_id, rows)]
        context.sends.append((context.topics.privacy, request["request_id"], dumps(record), 0))
        self._tell_all(["mask", request, profile_id, rows])
        walk = {
            "profile_id": profile_id,
            "request": request,
            "rows": rows,
            "numbers": numbers,
            "erased_at": context.now,
            "stage": "mask",
            "left": list(range(self._partitions)),
            "evidence": None,
            "others": [],
        }
        self._working.save(walk_key(request["request_id"]), walk)
        context.count("erasures")

    def _tell_all(self, item: Item) -> None:
        context = self._context
        for partition in range(self._partitions):
            context.last.append((context.topics.inbox, str(context.number), encode("", [item]), partition))

    def _hidden(self, rows: Sequence[Row]) -> list[Hidden]:
        return [
            {
                "hash": self._context.masks.hash_of(Identifier(type_, value)),
                "slice": None if start is None and end is None else [start, end],
            }
            for _, type_, value, start, end in rows
        ]

    def _hidden_profiles(self, profile_id: str, rows: Sequence[Row]) -> list[Hidden]:
        """Return the ids that the profile has or may have had: the seeds of what is the person's alone."""
        ids = {row[0].partition("/")[0] for row in rows if row[3:5] == [None, None] and family_of(row[1]) != "order"}
        ids.add(profile_id)
        hash_of = self._context.masks.hash_of
        return [{"hash": hash_of(Identifier(PROFILE_ID, each)), "slice": None} for each in sorted(ids)]

    def mask(self, _: str, request: Request, profile_id: str, rows: list[Row]) -> None:
        """Put the mask on, and forget the person's fragments and orders that live here."""
        context = self._context
        context.masks.add(self._hidden(rows), request["at"], request["mode"], context.now)
        for part, type_, _value, start, end in rows:
            seed, _start = seed_of_part(part)
            if not context.is_here(seed):
                continue
            if family_of(type_) == "order":
                self._orders.forget(seed)
            self._seeds.forget(seed, part, (start, end))
            context.deliver(profile_id, ["forgotten", part])
        context.deliver(profile_id, ["done", request["request_id"], context.number, []])

    def again(self, _: str, request: Request, profile_id: str, rows: list[Row]) -> None:
        """Give what is left of the person's devices to whoever has them now; ask the archive what to fold anew."""
        for part, type_, *_bounds in rows:
            if self._context.is_here(part.partition("/")[0]) and family_of(type_) != "order":
                self._seeds.touch(part, everything("identity"))
        name = f"carrying:{request['request_id']}"
        self._questions[name] = {"kind": "carrying", "request": request, "profile_id": profile_id, "rows": rows}

    def _carrying(self, job: Mapping[str, Any], found: Sequence[bytes]) -> None:
        """Fold anew seeds of other people whose events carry an identifier, and what was received since the request.

        `found` are JSON lists `[seed, event id, occurred, received, raw]` of this partition, times in ms; `raw` is
        empty unless it is an order event that was received after the request.
        """
        request: Request = job["request"]
        bounds = {row[0].partition("/")[0]: row[3:5] for row in job["rows"]}
        order_seeds = {row[0] for row in job["rows"] if family_of(row[1]) == "order"}
        anew: dict[str, None] = {}
        for seed, event_id, occurred, received, raw in map(loads, found):
            if seed not in bounds or received > request["at"]:
                anew[seed] = None
            else:
                start, end = bounds[seed]
                if (start is None or start <= occurred) and (end is None or occurred < end):
                    self._seen.forget(event_id, received)
                else:
                    # Somebody else's on a shared device, whose fragment may have held them too: a login that came since
                    # the request can have joined the slices before this unit put the mask on.
                    anew[seed] = None
            if raw:
                self._take_up_order(loads(raw), order_seeds)
        for seed in anew:
            self._seeds.fold_anew(seed)
        others = [seed for seed in anew if seed not in bounds]
        self._context.deliver(job["profile_id"], ["done", request["request_id"], self._context.number, others])

    def _take_up_order(self, event: dict[str, Any], order_seeds: set[str]) -> None:
        identifier = order_folds.order_of(event)
        if identifier is not None and seed_of(identifier) in order_seeds:
            seen = self._context.masks.apply(event, to_millis(event["occurred_at"]), to_millis(event["received_at"]))
            if seen is not None:
                self._seeds.forward_order(seen)

    def forgotten(self, profile_id: str, part: str) -> None:
        """Take in that a fragment has been forgotten by its unit: what comes of it from now on is new."""
        self._profiles.forgotten(profile_id, part)

    def done(self, _: str, request_id: str, unit: int | str, found: list[str] | int) -> None:
        """Take in that a unit has ended the present stage; begin the next after the last.

        `found` are the seeds of others that a unit folds anew; of the identity writer it is where its log stood.
        """
        walk = self._working.load(walk_key(request_id))
        if walk is None or unit not in walk["left"]:
            return
        walk["left"].remove(unit)
        if isinstance(found, int):
            walk["evidence"] = found
        else:
            walk["others"] += found
        self._working.save(walk_key(request_id), walk)
        if walk["left"]:
            return
        rows: list[Row] = walk["rows"]
        if walk["stage"] == "mask":
            walk["stage"], walk["left"] = "identity", [WRITER]
            named = [row[1:3] for row in rows if row[3] is None and row[4] is None and family_of(row[1]) != "order"]
            self._context.evidence.append(["erase", request_id, walk["profile_id"], named])
        elif walk["stage"] == "identity":
            walk["stage"], walk["left"] = "again", list(range(self._partitions))
            self._tell_all(["again", walk["request"], walk["profile_id"], rows])
        else:
            self._questions[f"expunge:{request_id}"] = {"kind": "expunge", "positions": {}, **walk}

    def _expunged(self, job: Mapping[str, Any], removed: Sequence[bytes]) -> None:
        """Publish the report. `removed` is one JSON object: rows removed by table."""
        request: Request = job["request"]
        now = to_iso(self._context.now)
        record = record_of(request, "finished")
        record["finished_at"] = now
        record["report"] = report_of(loads(removed[0]), now, self._context.now)
        context = self._context
        context.sends.append((context.topics.privacy, request["request_id"], dumps(record), 0))
        self._working.save(walk_key(request["request_id"]), None)
