"""The identity writer's fold by itself: what a pair costs beside a bare union-find, and what a shared device costs.

CPU time of the thread, in memory: no Kafka and no disk, so that both sides of the ratio are the same kind of work. Then
what needs a store: its memory and its start with many people behind it, and visitors who are nobody's yet.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from deploy.local.bench.cost import cycles_left_alone
from deploy.local.bench.filling import records
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.segments import SEGMENTS
from deploy.local.bench.shop import STEP_MS, Sent, traffic
from deploy.local.bench.units import Units
from deploy.local.bench.worker_fold import BATCH as EVENTS_A_BATCH
from deploy.local.bench.worker_fold import PARTITIONS
from processors.identity.evidence import Item
from processors.identity.fold import IdentityFold
from processors.identity.policy import Policy
from processors.partition.writer import KEPT
from schemas.codec import dumps, loads
from schemas.identifier import event_id_of

PAIRS = 1_000_000
DEVICE_USERS = 100_000
PEOPLE = 500_000
WORLD = 100_000
VISITORS = 100_000
BATCH = 2_000
LATE_PAIRS = 1_000
# What a device's login costs is told by the cheapest of so many runs: the machine has other things to do too.
ROUNDS = 3


async def measure(bench: Bench) -> Result:
    """Return pairs per CPU second beside a union-find's, and the dearest login on a shared device in medians."""
    pairs = bench.size(PAIRS, 2_000)
    users = bench.size(DEVICE_USERS, 500)
    result = Result(sizes={"pairs": pairs, "batch": BATCH, "device_users": users})
    bench.show(f"{pairs:,} pairs")
    records = logged(people_pairs(pairs))
    with cycles_left_alone():
        folded, united = fold_seconds(records), union_seconds(records)
    result.add("identity_pairs", pairs / folded, "pairs/CPU s", pairs / united)
    bench.show(f"{users:,} people on one device")
    with cycles_left_alone():
        costs = [min(each) for each in zip(*(device_costs(users) for _ in range(ROUNDS)), strict=True)]
    result.add("identity_shared_device", max(costs) / median(costs), "times the median")
    result.add("identity_login", median(costs) * 1e6, "µs/event")
    world = bench.size(WORLD, 2 * LATE_PAIRS)
    bench.show(f"one pair more among {world:,} people")
    with cycles_left_alone():
        result.add("identity_one_pair", late_pair_cost(world) * 1e6, "µs", late_pair_cost(LATE_PAIRS) * 1e6)
    people = bench.size(PEOPLE, 2_000)
    bench.show(f"{people:,} people behind the writer")
    folder = bench.folder / "identity"
    result.add("identity_memory", _state("build", folder, people)["bytes"] / 1e6, "MB")
    result.add("identity_start", _state("start", folder, people)["seconds"], "s")
    visitors = bench.size(VISITORS, 1_000)
    bench.show(f"{visitors:,} visitors of one page")
    anonymous, evidence = _events_per_second(bench.folder / "visitors", one_pagers(visitors))
    ordinary, _ = _events_per_second(bench.folder / "ordinary", traffic(visitors, visitors // 7 + 1))
    result.add("identity_anonymous", anonymous, "events/CPU s", ordinary)
    result.add("identity_anonymous_evidence", evidence, "items")
    result.sizes |= {"people": people, "visitors": visitors}
    return result


def _state(what: str, folder: Path, people: int) -> dict[str, float]:
    """Return what the writer's own process measured: its memory would not be told apart in this one."""
    command = (sys.executable, "-m", "deploy.local.bench.identity_state", what, str(folder), str(people))
    found: dict[str, float] = loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def one_pagers(count: int) -> Iterator[Sent]:
    """Return one page view each of that many visitors whom nobody knows."""
    page = {"url": "https://shop.example/", "path": "/", "referrer": "", "title": "Shop"}
    for number in range(count):
        context = {"page": page, "locale": "fr-FR", "library": {"name": "analytics.js", "version": "next-1.84.3"}}
        message = {"type": "page", "name": "Home", "messageId": f"page-{number}", "anonymousId": f"visitor-{number}"}
        yield Sent(number * STEP_MS, {**message, "properties": page, "context": context})


def _events_per_second(folder: Path, sent: Iterable[Sent]) -> tuple[float, int]:
    """Return events per CPU second of the worker's folds and stores, and how many items of evidence they led to."""
    filled = list(records(sent, time.time_ns() // 1_000_000 - 10**8))
    units = Units(folder, PARTITIONS, SEGMENTS)
    try:
        units.put(filled)
        with cycles_left_alone():
            units.run(EVENTS_A_BATCH)
        return len(filled) / sum(units.seconds.values()), units.counts.get("evidence_items", 0)
    finally:
        units.close()


def people_pairs(count: int) -> list[Item]:
    """Return pairs of people with a user id, an address and, every other one, a phone number, in random order."""
    items: list[Item] = []
    person = 0
    while len(items) < count:
        user = ("user_id", f"u{person}")
        email, phone = ("email", f"p{person}@mail.example"), ("phone", f"+336{person:08d}")
        when = [1_700_000_000_000 + person, f"m{person}", event_id_of("bench", f"m{person}")]
        items.append(["pair", *user, *email, *when])
        if person % 2:
            items += [["pair", *user, *phone, *when], ["pair", *email, *phone, *when]]
        person += 1
    del items[count:]
    Random(1).shuffle(items)
    return items


def logged(items: Sequence[Item]) -> list[bytes]:
    """Return the items as records of the log, a batch in each: both sides read them from there."""
    return [dumps(items[at : at + BATCH]) for at in range(0, len(items), BATCH)]


def fold_seconds(records: Sequence[bytes]) -> float:
    """Return the CPU seconds in which the writer folds the items, its own state written and what it says made."""
    kept = Kept()
    fold = IdentityFold(Policy.default(), kept.get, KEPT)
    started = time.thread_time()
    for number, record in enumerate(records, 1):
        _fold(fold, kept, loads(record), number)
    return time.thread_time() - started


def union_seconds(records: Sequence[bytes]) -> float:
    """Return the CPU seconds in which the same pairs run through a union-find with dictionaries."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    started = time.thread_time()
    for record in records:
        for item in loads(record):
            a, b = root((item[1], item[2])), root((item[3], item[4]))
            if a != b:
                parent[b] = a
    return time.thread_time() - started


def device_costs(users: int) -> list[float]:
    """Return the CPU seconds of each first login of `users` people on one device, one batch each."""
    kept = Kept()
    fold = IdentityFold(Policy.default(), kept.get, KEPT)
    costs = []
    for number in range(users):
        when = [1_700_000_000_000 + number * 1000, f"m{number}", event_id_of("bench", f"m{number}")]
        item: Item = ["login", "anonymous_id", "tablet", "user_id", f"u{number}", *when]
        started = time.thread_time()
        _fold(fold, kept, [item], number + 1)
        costs.append(time.thread_time() - started)
    return costs


def late_pair_cost(people: int) -> float:
    """Return the CPU seconds (median) of one pair more, by itself, about somebody among that many people."""
    kept = Kept()
    fold = IdentityFold(Policy.default(), kept.get, KEPT)
    pairs = [_pair_of(person, "email", f"p{person}@mail.example") for person in range(people)]
    for number in range(0, people, BATCH):
        _fold(fold, kept, pairs[number : number + BATCH], number + 1)
    costs = []
    for number in range(LATE_PAIRS):
        # Spread over everybody, so that nobody is still in memory.
        late = _pair_of(number * 7919 % people, "loyalty_id", f"card{number}")
        started = time.thread_time()
        _fold(fold, kept, [late], people + number + 1)
        costs.append(time.thread_time() - started)
    return median(costs)


def _pair_of(person: int, type_: str, value: str) -> Item:
    when = [1_700_000_000_000 + person, f"{type_}{person}", event_id_of("bench", f"{type_}{person}")]
    return ["pair", "user_id", f"u{person}", type_, value, *when]


def _fold(fold: IdentityFold, kept: "Kept", items: Sequence[Item], version: int) -> None:
    outcome = fold.fold(items, version)
    # Made on demand: what the worker publishes.
    _ = outcome.assignments, outcome.decisions
    kept.write(outcome.writes)


class Kept:
    """Stands for the store: many small dictionaries, since one large one stops for milliseconds whenever it grows."""

    _PARTS: Final = 1 << 10

    def __init__(self) -> None:
        self._parts: list[dict[bytes, bytes]] = [{} for _ in range(self._PARTS)]

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        return self._parts[hash(key) % self._PARTS].get(key)

    def write(self, writes: Mapping[bytes, bytes | None]) -> None:
        """Take in what a batch has written."""
        for key, value in writes.items():
            part = self._parts[hash(key) % self._PARTS]
            if value is None:
                part.pop(key, None)
            else:
                # A copy, as a store makes one: the JSON writer's own buffers are larger than what is in them.
                part[key] = bytes(memoryview(value))
