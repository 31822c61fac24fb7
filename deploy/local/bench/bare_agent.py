"""The pipeline's baseline: a stock Faust agent that decodes each record of the event topics and does nothing else.

Stock: the values are Faust's default, JSON, which Faust itself decodes (with orjson) before the agent sees them.
Run as Faust runs applications: `python -m deploy.local.bench.bare_agent worker`. Its first record starts the clock, so
that neither its start nor the group's first assignment counts.
"""

import os
import time
from pathlib import Path
from typing import Any

import faust
import orjson

from schemas.settings import Settings


def create_app(settings: Settings, events: int, report: Path) -> faust.App:
    """Return the application; after `events` records it writes how long they took to `report`."""
    app = faust.App(
        f"{settings.topic_prefix}bench-bare-agent",
        broker=f"kafka://{settings.bootstrap}",
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=str(settings.data_dir / "bare-agent"),
    )
    topic = app.topic(*settings.topics.events.values())

    @app.agent(topic)
    async def decode(stream: Any) -> None:
        count = 0
        started = used = 0.0
        async for _ in stream:
            if not count:
                started, used = time.perf_counter(), time.process_time()
            count += 1
            if count == events:
                seconds, cpu = time.perf_counter() - started, time.process_time() - used
                draft = report.with_suffix(".draft")
                draft.write_bytes(orjson.dumps({"seconds": seconds, "cpu_seconds": cpu}))
                draft.replace(report)

    return app


if __name__ == "__main__":
    create_app(Settings(), int(os.environ["KITH_BENCH_EVENTS"]), Path(os.environ["KITH_BENCH_REPORT"])).main()
