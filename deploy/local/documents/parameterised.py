"""What the parameterised views take and give, for the page of tables: ClickHouse keeps no comments of these.

A contract test asks each as its example does and compares the columns.
"""

from dataclasses import dataclass

# By name, the same in all views: what the parameter is, and a value to copy.
PARAMETERS = {
    "profile_id": ("Id of the profile", "'7f3f2a52-6c3c-5f0b-9d5c-0d7c1a1a9a10'"),
    "start": ("From this moment (UTC) on", "'2026-01-01 00:00:00'"),
    "end": ("Up to this moment (UTC), which is left out", "'2027-01-01 00:00:00'"),
    "channel": ("`web`, `order`, `chat` or `social`; empty text: all", "''"),
    "segment": ("Only people who are in this segment now; empty text: all", "''"),
    "steps": ("Names of events, in the order of the funnel", "['Product Viewed', 'Product Added', 'Order Completed']"),
    "within": ("Milliseconds from the first step to the last, at most", "604800000"),
    "start_event": ("Event that brings a person into a cohort", "'Product Viewed'"),
    "return_event": ("Event that counts as coming back", "'Order Completed'"),
    "period": ("`day`, `week` (from Monday) or `month`", "'week'"),
    "timezone": ("IANA name of the time zone in which periods begin", "'Europe/Paris'"),
    "as_of": ("Moment (UTC)", "'2026-02-01 00:00:00'"),
}
# In segment_members_at a segment must be named.
_OWN_VALUES = {("segment_members_at", "segment"): ("Id of the segment", "'vip'")}


@dataclass(frozen=True, slots=True)
class Result:
    """What a view gives: the columns of another one, and its own as (name, type, what)."""

    of: str = ""
    own: tuple[tuple[str, str, str], ...] = ()


_PERSON = ("profile_id", "UUID", "Person: the profile that it belongs to today")
_FUNNEL = Result(
    own=(
        ("step", "UInt32", "1 for the first step"),
        ("event", "String", "Its event"),
        ("people", "UInt64", "People who came that far"),
        ("conversion", "Float64", "Their share of those who took the first step"),
        ("median_seconds", "Nullable(Float64)", "Half of them were there within so many seconds of the first step"),
    )
)
_RETENTION = Result(
    own=(
        ("cohort", "Date32", "Day on which the cohort's period begins"),
        ("number", "Int64", "Periods since; 0 is the cohort's own"),
        ("people", "UInt64", "People of the cohort who came back then; all of them for number 0"),
    )
)
RESULTS = {
    "events_of": Result("events_by_profile"),
    "orders_of": Result(
        "orders_by_profile",
        (
            ("moment", "DateTime64(3, 'UTC')", "When it was placed, else when it last changed"),
            ("raw", "String", "The state, byte for byte as published"),
        ),
    ),
    "orders_counted_of": Result("orders_counted"),
    "product_popularity_of": Result("product_popularity"),
    "rfm_of": Result("rfm"),
    "funnel_people": Result(
        own=(_PERSON, ("took", "Array(Int64)", "For each step the milliseconds since the first one; -1: not reached"))
    ),
    "funnel_of": _FUNNEL,
    "funnel": _FUNNEL,
    "retention_of": _RETENTION,
    "retention": _RETENTION,
    "segment_members_at": Result(own=(_PERSON, ("since", "DateTime64(3, 'UTC')", "When the person had entered"))),
}


def parameter(view: str, name: str) -> tuple[str, str]:
    """Return what a view's parameter is, and a value of it as SQL. Raises KeyError for one that is not described."""
    return _OWN_VALUES.get((view, name)) or PARAMETERS[name]


def example(view: str, parameters: tuple[tuple[str, str], ...], database: str = "") -> str:
    """Return a SELECT to copy; with `database` it can be run from any other."""
    listed = [f"{name} = {parameter(view, name)[1]}" for name, _ in parameters]
    call = f"{database and f'{database}.'}{view}({', '.join(listed)})"
    if len(call) > 100:
        call = f"{database and f'{database}.'}{view}(\n    " + ",\n    ".join(listed) + ")"
    return f"SELECT *\nFROM {call}"
