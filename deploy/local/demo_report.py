"""The demo's summary for a person: tables of what was found, and the commands to look further."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from deploy.local.demo_client import Api
from deploy.local.demo_findings import FUNNEL_FROM, FUNNEL_TO, FUNNEL_WITHIN, Findings

SQL = (
    "SELECT event, count() AS events, uniqExact(profile_id) AS people "
    "FROM events_by_profile GROUP BY event ORDER BY events DESC LIMIT 10"
)


def report(console: Console, found: Findings) -> None:
    """Print everything that was found."""
    letters = ", ".join(f"{count} {reason}" for reason, count in found.dead_letters)
    console.print(
        "", _channels(found), f"Not accepted, kept as dead letters: {letters or 'none'}", "", sep="\n", highlight=False
    )
    for part in (_people(found), _orders(found), _segments(found), _profile(found), _funnel(found)):
        console.print(part, "")


def further(console: Console, api: Api, key: str, running: bool) -> None:
    """Print what to try next; without a running stack that begins with starting it."""
    kith = kith_command()
    state = "The stack runs on:" if running else "The stack is stopped and keeps everything:"
    bearer = shlex.quote(f"Authorization: Bearer {api.token}")
    body = shlex.quote(json.dumps({"sql": SQL}))
    console.print(f"[bold]Look further[/bold]  {state}", highlight=False)
    for command in (
        *(() if running else (f"{kith} up --detach",)),
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
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False
    )
    for column in (*columns, *numbers):
        table.add_column(column, justify="right" if column in numbers else "left")
    return table


def _channels(found: Findings) -> Table:
    table = _table("Events by source and channel", "source", "channel", numbers=("events", "people"))
    for source, channel, events, people in found.channels:
        table.add_row(escape(source), channel, f"{events:,}", f"{people:,}")
    return table


def _people(found: Findings) -> Panel:
    lines = [
        f"[bold]{found.people:,} people[/bold], {found.known:,} of them known by more than a cookie, "
        f"with {found.identifiers:,} identifiers",
        f"[bold]{found.merges:,} merges[/bold] made {found.merged:,} people out of what different systems know of them",
    ]
    for refusal in found.refusals[:1]:
        pair = f"{escape(named(refusal['a']))} with {escape(named(refusal['b']))}"
        lines.append(f"[bold]A refused merge[/bold]: {pair}, by {refusal['rule']}")
        lines.append(f"  {escape(refusal['message'])}")
    if found.shared:
        lines.append(f"[bold]A shared device[/bold]: {escape(found.shared[0][0])} belongs to")
        lines += [f"  {escape(person)} {_interval(start, end)}" for _, person, start, end in found.shared]
    return Panel("\n".join(lines), title="Who is who", title_align="left")


def named(identifier: dict[str, str]) -> str:
    """Return an identifier as a key of the API writes it."""
    return f"{identifier['type']}:{identifier['value']}"


def _interval(start: str, end: str) -> str:
    parts = [f"from {start[:16]}" if start else "", f"until {end[:16]}" if end else ""]
    return " ".join(part for part in parts if part) or "always"


def _orders(found: Findings) -> Table:
    numbers = ("orders", "cancelled", "charged", "refunded")
    table = _table("Orders (the clickstream has no amounts)", "store", "currency", numbers=numbers)
    for store, currency, orders, cancelled, total, refunded in found.orders:
        table.add_row(escape(store), currency, f"{orders:,}", f"{cancelled:,}", total, refunded)
    return table


def _segments(found: Findings) -> Table:
    table = _table("Segments", "segment", "who", numbers=("members",))
    for segment in found.segments:
        members = f"{segment['members']:,}" + ("" if segment["state"] == "live" else f" ({segment['progress']:.0%})")
        table.add_row(segment["id"], escape(segment["name"]), members)
    return table


def _profile(found: Findings) -> Panel:
    profile = found.profile
    orders, activity, first = profile["orders"], profile["activity"], profile["acquisition"]["first"]
    by_channel = ", ".join(f"{count} {channel}" for channel, count in activity["by_channel"].items() if count)
    consent = (f"{purpose} {'yes' if each['granted'] else 'no'}" for purpose, each in profile["consent"].items())
    refunded = _amounts(orders["refunded"])
    rows = {
        "profile": [profile["profile_id"]],
        "identifiers": [named(each) for each in profile["identifiers"]],
        "one person by": [f"{named(link['a'])} = {named(link['b'])} ({link['rule']})" for link in found.links],
        "traits": [f"{key} {value}" for key, value in profile["traits"].items()],
        "consent": consent,
        "activity": [f"{activity['events']} events in {activity['sessions']} visits: {by_channel}"],
        "first came by": [str(first[key]) for key in ("source", "medium", "campaign") if first.get(key)],
        "orders": [f"{orders['count']}, revenue {_amounts(orders['revenue'])}, refunded {refunded}"],
        "in the cart": [f"{item['quantity']} × {item['product_id']}" for item in profile["cart"]["items"]],
        "interests": [each["value"] for each in profile["interests"]["categories"]],
        "segments": [each["id"] for each in profile["segments"]],
    }
    grid = Table.grid(padding=(0, 2))
    for name, values in rows.items():
        separator = "\n" if name == "one person by" else ", "
        grid.add_row(f"[dim]{name}[/dim]", escape(separator.join(values)) or "–")
    return Panel(grid, title="One person", title_align="left")


def _amounts(amounts: dict[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in amounts.items()) or "none"


def _funnel(found: Findings) -> Table:
    title = f"The real clickstream, {FUNNEL_FROM} to {FUNNEL_TO}: how far people came within {FUNNEL_WITHIN}"
    table = _table(title, "step", numbers=("people", "of the first", "median minutes"))
    for step in found.funnel:
        minutes = f"{step['median_seconds'] / 60:.1f}"
        table.add_row(step["event"], f"{step['people']:,}", f"{step['conversion']:.0%}", minutes)
    return table
