"""Keys of a unit's store: a letter for the kind, then the text by which the thing is known.

A *part* names a fragment: the seed, and for a slice of a weak seed that does not begin at the beginning of time, `/`
and the slice's start in milliseconds.
"""

from functools import lru_cache


def part_of(seed: str, start: int | None) -> str:
    """Return the name of the fragment of `seed` whose slice begins at `start` (None: at the beginning of time)."""
    return seed if start is None else f"{seed}/{start}"


def seed_of_part(part: str) -> tuple[str, int | None]:
    """Return the seed and the start of a part: the inverse of `part_of`."""
    seed, slash, start = part.partition("/")
    return seed, int(start) if slash else None


def seed_key(seed: str) -> bytes:
    """Return the key of what is known about a seed."""
    return b"s:" + seed.encode()


def told_key(seed: str) -> bytes:
    """Return the key of what a seed has told the identity writer."""
    return b"e:" + seed.encode()


def followers_key(seed: str) -> bytes:
    """Return the key of the orders that follow a seed."""
    return b"w:" + seed.encode()


def home_key(part: str) -> bytes:
    """Return the key of a fragment in the partition of its seed."""
    return HOMES + part.encode()


HOMES = b"f:"


def home_of(key: bytes) -> str:
    """Return the part of a key under `HOMES`."""
    return key[len(HOMES) :].decode()


def replica_key(profile_id: str, part: str) -> bytes:
    """Return the key of a fragment's copy in the partition of the profile that owns it."""
    return f"r:{profile_id}|{part}".encode()


VIEWS = b"v:"


def view_key(profile_id: str) -> bytes:
    """Return the key of a profile's document as last published.

    A convenience of the local store, not logged: without it a change's `at` is the moment of processing.
    """
    return VIEWS + profile_id.encode()


def order_key(seed: str) -> bytes:
    """Return the key of an order's state, in the partition of the order's seed."""
    return b"o:" + seed.encode()


def profile_key(profile_id: str) -> bytes:
    """Return the key of a profile's state."""
    return PROFILES + profile_id.encode()


PROFILES = b"p:"


def profile_of(key: bytes) -> str:
    """Return the profile of a key under `PROFILES`."""
    return key[len(PROFILES) :].decode()


TIMERS = b"t:"


def timer_key(due: int, profile_id: str) -> bytes:
    """Return the key of a timer; keys sort by the instant (ms since 1970) at which they are due."""
    return TIMERS + max(due, 0).to_bytes(8, "big") + profile_id.encode()


def timer_of(key: bytes) -> tuple[int, str]:
    """Return the instant and the profile of a timer key."""
    return int.from_bytes(key[2:10], "big"), key[10:].decode()


DAY_MS = 86_400_000


def seen_key(day: int, event_id: bytes) -> bytes:
    """Return the key under which an event id (16 bytes) was counted on a day of the log's time."""
    return _day(day) + event_id


@lru_cache(maxsize=256)
def _day(day: int) -> bytes:
    return SEEN + max(day, 0).to_bytes(4, "big")


SEEN = b"d:"


def walk_key(request_id: str) -> bytes:
    """Return the key of an erasure under way, in the partition of the profile that it erases."""
    return b"x:" + request_id.encode()


POSITIONS = b"m:positions"
RELEASES = b"m:releases"
POLICY = b"m:policy"
JOBS = b"j:"


def job_key(name: str) -> bytes:
    """Return the key of a pending question to the archive."""
    return JOBS + name.encode()
