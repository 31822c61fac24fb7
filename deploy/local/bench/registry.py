"""Which benches there are. A new one is a module with `async def measure(bench: Bench) -> Result` and a line here."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from schemas.errors import KithError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.local.bench.result import Result
    from deploy.local.bench.run import Bench


@dataclass(frozen=True, slots=True)
class Entry:
    """A bench by name; it is imported when it runs."""

    name: str
    summary: str
    module: str

    async def measure(self, bench: "Bench") -> "Result":
        """Run it."""
        found = import_module(self.module).measure
        return await cast("Callable[[Bench], Awaitable[Result]]", found)(bench)


def _entry(name: str, summary: str) -> Entry:
    return Entry(name, summary, f"deploy.local.bench.{name}")


# In the order in which they run: the last three share one stack with many people in it.
BENCHES: tuple[Entry, ...] = (
    _entry("identity", "the identity writer's fold against a union-find with dictionaries"),
    _entry("worker_fold", "CPU time of the worker's folds per event, against decoding it"),
    _entry("profiles_fold", "one event for somebody with 10, 1,000 and 10,000 before it; the profile's size"),
    _entry("collector_batch", "events per CPU second in batches of 20, against a bare Starlette route"),
    _entry("collector_single", "events per CPU second one by one, against the same"),
    _entry("segments_cost", "what an event costs with 200 segments, against 20"),
    _entry(
        "segments_timers", "a million timers: memory, restart, how late a thousand a second are; backfill against SQL"
    ),
    _entry("segments_webhooks", "webhooks and streams: one receiver, then a hundred of which ten are dead"),
    _entry("projections", "events into ClickHouse, a rebuild, analysts' queries; each against the plainest way"),
    _entry("pipeline", "events per second into ClickHouse, against a stock Faust agent that only decodes"),
    _entry("latency", "from acknowledgement to segments.changes at 500 events/s"),
    _entry("memory", "memory of the worker per 100,000 profiles"),
    _entry("profiles_batch", "a hundred profiles in one call, against one"),
    _entry("profile_get", "profile over HTTP, against a point read in ClickHouse"),
    _entry("restart", "kill -9 of the worker to the first event processed again"),
)


def choose(names: Iterable[str]) -> tuple[Entry, ...]:
    """Return the named benches in the order in which they run; all of them without names.

    A name stands for every bench that begins with it and an underscore: `collector`. Raises `KithError` for others.
    """
    wanted = set(names)
    unknown = sorted(name for name in wanted if not any(_is(name, entry) for entry in BENCHES))
    if unknown:
        known = ", ".join(entry.name for entry in BENCHES)
        raise KithError(f"There is no bench {', '.join(unknown)}: choose among {known}.")
    return tuple(entry for entry in BENCHES if not wanted or any(_is(name, entry) for name in wanted))


def _is(name: str, entry: Entry) -> bool:
    return entry.name == name or entry.name.startswith(f"{name}_")
