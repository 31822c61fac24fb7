"""The identity writer with many people behind it: a process of its own that builds that state, or starts from it.

`python -m deploy.local.bench.identity_state build|start FOLDER PEOPLE` prints what it measured as JSON. Everybody has a
user id and an address; the state is on the real store, as a worker has it.
"""

import os
import sys
import time
from pathlib import Path

from deploy.local.bench.cost import resident_bytes
from processors.identity.policy import Policy
from processors.partition.effects import Record
from processors.partition.writer import Writer
from processors.store import Store
from schemas.codec import dumps
from schemas.identifier import event_id_of
from schemas.topics import Topics

BATCH = 2_000


def main(what: str, folder: str, people: int) -> None:
    """Build the state of that many people or start from it, and print the figures."""
    topics = Topics()
    idle = resident_bytes(os.getpid())
    started = time.perf_counter()
    store = Store(Path(folder))
    writer = Writer(1, lambda _: 0, topics, store, Policy.default())
    first = people if what == "start" else 0
    last = people + 1 if what == "start" else people
    # Started anew, the first batch is about people known already: their state is what has to be found.
    for begin in range(first, last, BATCH):
        numbers = (
            range(begin, min(begin + BATCH, last)) if what == "build" else range(0, people, max(people // BATCH, 1))
        )
        items = [_pair(number, late=what == "start") for number in numbers]
        record = Record(topics.evidence, begin, "", dumps({"schema_version": 1, "items": items}))
        store.write(writer.fold([record], 0, {}).writes)
    seconds = time.perf_counter() - started
    grown = resident_bytes(os.getpid()) - idle
    store.close()
    sys.stdout.write(dumps({"seconds": seconds, "bytes": grown}).decode())


def _pair(number: int, *, late: bool) -> list[object]:
    message = f"m{number}{'-late' * late}"
    when = [1_700_000_000_000 + number - 1_000 * late, message, event_id_of("bench", message)]
    return ["pair", "user_id", f"u{number}", "email", f"p{number}@mail.example", *when]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
