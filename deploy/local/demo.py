"""`kith demo`: the whole path on real input, ending in a summary of what came of it.

The real clickstream that Kith ships and the sample shop go through the collector like anybody's events; what is shown
at the end is asked of the API. The stack is the data folder's: one that runs already is used and left running.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator

from rich.console import Console

from deploy.local.caught_up import wait_until_caught_up
from deploy.local.demo_client import Api
from deploy.local.demo_findings import find
from deploy.local.demo_report import further, report
from deploy.local.demo_segments import SEGMENTS
from deploy.local.demo_sources import CLICKSTREAM, add_sources, wait_for_source
from deploy.local.doctor import check_port
from deploy.local.folder import DataFolder
from deploy.local.importing import SHIPPED, Import, Mark
from deploy.local.launch import start_detached, stop_running
from deploy.local.runtime import connected_settings, is_running
from deploy.local.sample_shop import CHANNEL_OF, sample_shop
from deploy.local.sample_shop_diary import Sample
from deploy.local.sample_shop_stories import HEROINE
from deploy.local.sending import Batch, Batcher, send_batches
from deploy.local.sending_bar import bar
from deploy.local.sending_keys import collector_of
from deploy.local.status import describe_lag
from schemas.errors import KithError
from schemas.settings import Settings

CLICKS = SHIPPED / "ecom.csv.gz"
STOP_S = 90.0
WAIT_S = 600.0


def run_demo(settings: Settings, keep: bool, console: Console) -> None:
    """Run the demo; the stack is stopped at the end, unless `keep`, or unless it ran before.

    Raises `KithError`, after stopping what it started, when something does not work.
    """
    # So that a `kill` ends the stack too: SystemExit passes through the `finally` below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = DataFolder.at(settings.data_dir)
    ran = is_running(folder)
    if settings.sources is not None and settings.sources.absolute() != folder.sources:
        raise KithError("The demo adds sources of its own: run it without KITH_SOURCES, or with another KITH_DATA_DIR.")
    folder.create()
    add_sources(folder.sources)
    try:
        if not ran:
            avoid_taken_ports(settings)
            start_detached(settings, 1, lambda step: console.print(f"[dim]{step}[/dim]"))
        reached = connected_settings(settings)
        with Api(reached) as api:
            for segment in SEGMENTS:
                api.define(segment)
            asyncio.run(_stream(reached, base_time(folder, int(time.time())), console))
            _wait(reached, console)
            report(console, find(api, HEROINE))
    finally:
        if not (ran or keep) and is_running(folder):
            console.print("[dim]Stopping[/dim]")
            stop_running(settings, STOP_S)
    further(console, api, HEROINE, running=ran or keep)


def avoid_taken_ports(settings: Settings) -> None:
    """Let the stack pick a free port in place of each that somebody else uses: the demo runs beside other stacks."""
    ports = {
        "KITH_KAFKA_PORT": settings.kafka_port,
        "KITH_CLICKHOUSE_PORT": settings.clickhouse_port,
        "KITH_COLLECTOR_PORT": settings.collector_port,
        "KITH_API_PORT": settings.api_port,
    }
    for variable, port in ports.items():
        if port and not check_port(variable, settings.host, port, variable).ok:
            os.environ[variable] = "0"


def base_time(folder: DataFolder, now_s: int) -> int:
    """Return the time up to which the sample shop's history goes, milliseconds since 1970: the first demo's start.

    It is kept, so that a further demo in the same folder sends the same messages, which count once.
    """
    path = folder.root / "demo.json"
    try:
        return int(json.loads(path.read_bytes())["base"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        path.write_text(json.dumps({"base": now_s * 1000}), encoding="utf-8")
        return now_s * 1000


async def _stream(settings: Settings, base: int, console: Console) -> None:
    """Send the clickstream, then the shop, each source with its own write key."""
    with bar(console) as progress:
        clicks = progress.add_task("clickstream", total=CLICKS.stat().st_size, events=0)

        def clicked(mark: Mark) -> None:
            progress.update(clicks, completed=mark.position, events=mark.progress.sent)

        collector = collector_of(settings, CLICKSTREAM)
        await asyncio.to_thread(wait_for_source, collector)
        await Import(CLICKS, None, CLICKSTREAM, settings.data_dir / "imports").run(collector, clicked)
        samples = sample_shop(base)
        shop = progress.add_task("sample shop", total=len(samples), events=0)
        sent = 0
        for source in CHANNEL_OF:

            def sold(batch: Batch[None]) -> None:
                nonlocal sent
                sent += len(batch.messages)
                progress.update(shop, completed=sent, events=sent)

            await send_batches(collector_of(settings, source), "/v1/import", _batches(samples, source), sold)


def _batches(samples: list[Sample], source: str) -> Iterator[Batch[None]]:
    batcher = Batcher[None]()
    for sample in samples:
        if sample.source == source and batcher.add(sample.message):
            yield batcher.take(None)
    if batcher.messages:
        yield batcher.take(None)


def _wait(settings: Settings, console: Console) -> None:
    with console.status("Identities, profiles, segments and ClickHouse take it all in"):
        started = time.monotonic()
        missing = wait_until_caught_up(settings, WAIT_S)
    if missing:
        raise KithError("\n".join(["Not everything has gone all the way:", *map(describe_lag, missing)]))
    console.print(f"[dim]All of it has gone all the way, {time.monotonic() - started:.1f} s after it was sent[/dim]")
