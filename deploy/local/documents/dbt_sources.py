"""`examples/dbt/models/kith.yml`: Kith's views as dbt's sources, described as the migrations describe them."""

from typing import Any

import yaml

from projections.dictionary import Relation, relations

PATH = "../examples/dbt/models/kith.yml"
_NOTE = "# Generated from `projections/migrations/` by `make documents`: change it there.\n"
# Tables that are to be read as they are; the others have a view over them.
_TABLES = ("events", "segment_changes", "decisions", "dead_letters")

# A stream may be ahead of another for a moment, so what names a row of another stream only warns.
_KEY = ["not_null", "unique"]
_TESTS: dict[tuple[str, str], list[Any]] = {
    ("profiles", "profile_id"): _KEY,
    ("orders", "seed"): _KEY,
    ("orders_by_profile", "seed"): _KEY,
    ("orders_counted", "seed"): _KEY,
    ("orders_counted", "profile_id"): ["not_null"],
    ("orders_counted", "currency"): ["not_null"],
    ("daily_revenue", "day"): ["not_null"],
    ("segment_definitions", "segment_id"): _KEY,
    ("rfm", "profile_id"): _KEY,
}


def _related(to: str, field: str) -> dict[str, Any]:
    to = f"source('kith', '{to}')"
    return {"relationships": {"arguments": {"to": to, "field": field}, "config": {"severity": "warn"}}}


_TESTS |= {
    ("order_items", "seed"): ["not_null", _related("orders", "seed")],
    ("segment_membership", "profile_id"): ["not_null", _related("profiles", "profile_id")],
    ("segment_membership", "segment_id"): ["not_null", _related("segment_definitions", "segment_id")],
    ("rfm", "segment"): [
        {"accepted_values": {"arguments": {"values": ["champions", "loyal", "new", "at_risk", "lost"]}}}
    ],
}


def documents() -> dict[str, str]:
    """Return the file: every view that an analyst reads, its columns, and tests of what Kith promises of them."""
    source = {
        "name": "kith",
        "description": "What Kith knows of the shop; every view knows the person behind a row.",
        "schema": "{{ env_var('KITH_CLICKHOUSE_DATABASE', 'kith') }}",
        "tables": [_table(each) for each in relations() if each.columns and (each.is_view or each.name in _TABLES)],
    }
    document = yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, allow_unicode=True, width=120)
    return {PATH: _NOTE + document}


def _table(relation: Relation) -> dict[str, Any]:
    columns = [_column(relation.name, name, says) for name, _, says in relation.columns]
    return {"name": relation.name, "description": f"{relation.comment}.", "columns": columns}


def _column(table: str, name: str, says: str) -> dict[str, Any]:
    tests = _TESTS.get((table, name))
    return {"name": name, "description": f"{says}.", **({"data_tests": tests} if tests else {})}
