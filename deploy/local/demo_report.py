"""The demo's summary for a person: tables of what was found, and the commands to look further."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from deploy.local.demo_client import Api
from deploy.local.demo_findings import FUNNEL_DAYS, Findings

SQL = (
    "SELECT event, count() AS events, uniqExact(profile_id) AS people "
    "FROM events_by_profile GROUP BY event ORDER BY events DESC LIMIT 10"
)


def report(console: Console, found: Findings) -> None:
    """Print everything that was found."""
    console.print(_channels(found))
    console.print(_people(found))
    console.print(_segments(found))
    console.print(_profile(found.profile))
    console.print(_funnel(found))


def further(console: Console, api: Api, key: str, running: bool) -> None:
    """Print what to try next; without a running stack that begins with starting it."""
    kith = kith_command()
    state = "The stack runs on." if running else f"The stack is stopped and keeps everything: {kith} up --detach"
    bearer = shlex.quote(f"Authorization: Bearer {api.token}")
    body = shlex.quote(json.dumps({"sql": SQL}))
    console.print(f"[bold]Look further[/bold]  {state}", highlight=False)
    for command in (
        f"curl -s -H {bearer} {api.url}/v1/profiles/{key}",
        f"curl -s -H {bearer} {api.url}/v1/profiles/{key}/events",
        f"curl -s -H {bearer} {api.url}/v1/segments/abandoned-cart/members",
        f"curl -s -H {bearer} {api.url}/v1/query -H 'Content-Type: application/json' -d {body}",
        f"{kith} status",
        f"{kith} down",
    ):
        console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"  {api.url}/docs has every call of the API", highlight=False)


def kith_command() -> str:
    """Return how this environment's `kith` is called from the current folder."""
    installed = Path(sys.prefix) / "bin" / "kith"
    if shutil.which("kith") == str(installed):
        return "kith"
    return os.path.relpath(installed) if installed.is_relative_to(Path.cwd()) else str(installed)


def _table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in (*columns, *numbers):
        table.add_column(column, justify="right" if column in numbers else "left")
    return table


def _channels(found: Findings) -> Table:
    table = _table("Events by source and channel", "source", "channel", numbers=("events", "people"))
    for source, channel, events, people in found.channels:
        table.add_row(source, channel, f"{events:,}", f"{people:,}")
    letters = ", ".join(f"{count} {reason}" for reason, count in found.dead_letters)
    table.caption = f"Not accepted, kept as dead letters: {letters or 'none'}"
    table.caption_justify = "left"
    return table


def _people(found: Findings) -> Panel:
    lines = [
        f"[bold]{found.people:,} people[/bold], {found.known:,} of them known by more than a cookie, "
        f"with {found.identifiers:,} identifiers",
        f"[bold]{found.merged:,} were merged[/bold] from {found.merged_identifiers:,} identifiers "
        "(accounts, e-mails, phones, contacts)",
    ]
    for a, b, rule, message, events in found.refusals[:1]:
        lines.append(
            f"[bold]A refused merge[/bold]: {a} with {b} (rule {rule}, {events} event{'s' * (events != 1)}): {message}"
        )
    if found.shared:
        lines.append(f"[bold]A shared device[/bold]: {found.shared[0][0]} belongs to")
        lines += [f"  {profile} {_interval(start, end)}" for _, profile, start, end in found.shared]
    return Panel("\n".join(lines), title="Who is who", title_align="left")


def _interval(start: str, end: str) -> str:
    parts = [f"from {start[:16]}" if start else "", f"until {end[:16]}" if end else ""]
    return " ".join(part for part in parts if part) or "always"


def _segments(found: Findings) -> Table:
    table = _table("Segments", "segment", "who", numbers=("members",))
    for segment in found.segments:
        members = f"{segment['members']:,}" + ("" if segment["state"] == "live" else f" ({segment['progress']:.0%})")
        table.add_row(segment["id"], segment["name"], members)
    return table


def _profile(profile: dict[str, Any]) -> Panel:
    identifiers = [f"{each['type']}:{each['value']}" for each in profile["identifiers"]]
    orders, activity, first = profile["orders"], profile["activity"], profile["acquisition"]["first"]
    by_channel = ", ".join(f"{count} {channel}" for channel, count in activity["by_channel"].items() if count)
    cart = ", ".join(f"{item['quantity']} × {item['product_id']}" for item in profile["cart"]["items"])
    consent = ", ".join(
        f"{purpose} {'yes' if each['granted'] else 'no'}" for purpose, each in profile["consent"].items()
    )
    rows = {
        "profile": profile["profile_id"],
        "identifiers": ", ".join(identifiers),
        "traits": ", ".join(f"{key} {value}" for key, value in profile["traits"].items()),
        "consent": consent,
        "activity": f"{activity['events']} events in {activity['sessions']} visits: {by_channel}",
        "first came by": ", ".join(str(first[key]) for key in ("source", "medium", "campaign") if first.get(key)),
        "orders": f"{orders['count']}, revenue {_amounts(orders['revenue'])}, refunded {_amounts(orders['refunded'])}",
        "in the cart": cart,
        "interests": ", ".join(each["value"] for each in profile["interests"]["categories"]),
        "segments": ", ".join(each["id"] for each in profile["segments"]),
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        grid.add_row(f"[dim]{name}[/dim]", value or "–")
    return Panel(grid, title="One person", title_align="left")


def _amounts(amounts: dict[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in amounts.items()) or "none"


def _funnel(found: Findings) -> Table:
    title = f"The real clickstream: how far people came within {FUNNEL_DAYS} days"
    table = _table(title, "step", numbers=("people", "of the first"))
    first = max(found.funnel[0][1], 1)
    for event, people in found.funnel:
        table.add_row(event, f"{people:,}", f"{people / first:.0%}")
    return table
