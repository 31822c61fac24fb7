import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import sharding
from projections.placement import Placement
from schemas.errors import KithError

SHARDS = Placement("shops", sharded=True, database="kith")


def sharded(statement: str) -> list[str]:
    return sharding.statements(statement, SHARDS)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE IF NOT EXISTS identity_slices ON CLUSTER `shops`\n(\n    seed UUID\n)",
        "CREATE VIEW IF NOT EXISTS events_by_profile ON CLUSTER `shops`\nAS SELECT * FROM events",
        "CREATE OR REPLACE VIEW x ON CLUSTER `shops` AS SELECT * FROM order_states",
        "CREATE TABLE IF NOT EXISTS events_of_bots ON CLUSTER `shops`\n(\n    seed UUID\n)",
        "ALTER TABLE dead_letters ON CLUSTER `shops` MODIFY TTL at + INTERVAL 1 DAY",
    ],
)
def test_what_is_not_about_a_sharded_table_stays_as_it_is(statement: str) -> None:
    assert sharded(statement) == [statement]


@pytest.mark.parametrize(
    "change",
    [
        "ADD PROJECTION IF NOT EXISTS p (SELECT source, count() GROUP BY source)",
        "MATERIALIZE PROJECTION p",
        "ADD INDEX IF NOT EXISTS i source TYPE set(100)",
        "MODIFY TTL received_at + INTERVAL 1 YEAR",
        "MODIFY SETTING index_granularity = 512",
        "DELETE WHERE source = 'ADD COLUMN'",
    ],
)
def test_a_change_of_rows_is_the_shards_own(change: str) -> None:
    assert sharded(f"ALTER TABLE events ON CLUSTER `shops` {change}") == [
        f"ALTER TABLE events_local ON CLUSTER `shops` {change}"
    ]


@pytest.mark.parametrize(
    "change",
    [
        "ADD COLUMN IF NOT EXISTS a Decimal(38, 4) DEFAULT f(1, 2) COMMENT 'a, DROP COLUMN b'",
        "ADD COLUMN a UInt8, ADD COLUMN b UInt8",
        "COMMENT COLUMN raw 'bytes'",
        "MODIFY COLUMN raw String",
        "MODIFY COMMENT 'All events'",
        "RENAME COLUMN a TO b",
    ],
)
def test_a_new_column_comes_to_the_shards_before_it_comes_to_the_table_over_them(change: str) -> None:
    statement = f"ALTER TABLE order_states ON CLUSTER `shops` {change}"
    assert sharded(statement) == [statement.replace("order_states", "order_states_local"), statement]


def test_a_column_goes_from_the_table_over_the_shards_before_it_goes_from_them() -> None:
    statement = "ALTER TABLE events ON CLUSTER `shops` DROP COLUMN IF EXISTS a"
    assert sharded(statement) == [statement, statement.replace("events", "events_local")]
    dropped = "DROP TABLE IF EXISTS events ON CLUSTER `shops`"
    assert sharded(dropped) == [dropped, dropped.replace("events", "events_local")]


@pytest.mark.parametrize(
    "changes", ["ADD COLUMN a UInt8, DROP COLUMN b", "ADD COLUMN a UInt8, ADD INDEX i a TYPE set(1)"]
)
def test_changes_that_need_an_order_of_their_own_are_written_apart(changes: str) -> None:
    with pytest.raises(KithError, match="need an ALTER each"):
        sharded(f"ALTER TABLE events ON CLUSTER `shops` {changes}")


@pytest.mark.parametrize("statement", ["RENAME TABLE events TO old", "EXCHANGE TABLES a AND events ON CLUSTER `shops`"])
def test_what_has_no_sharded_form_is_refused(statement: str) -> None:
    with pytest.raises(KithError, match="no form for a sharded cluster"):
        sharded(statement)


COLUMN = st.tuples(
    st.sampled_from(["UInt8", "Decimal(38, 4)", "Array(Tuple(type String, value String))", "DateTime64(3, 'UTC')"]),
    st.sampled_from(["", " COMMENT 'one, two'", " COMMENT 'it''s (so'", " COMMENT 'a\\'b), c'"]),
    st.sampled_from(["", " CODEC(ZSTD(1))", " CODEC(Delta, ZSTD(1))"]),
)
OF_ROWS = st.sampled_from(
    ["PROJECTION p (SELECT a, max(b) GROUP BY a)", "INDEX i a TYPE set(10)", "CONSTRAINT c CHECK a IN (1, 2)"]
)


@given(st.lists(COLUMN, min_size=1, max_size=6), st.lists(OF_ROWS, max_size=3), st.booleans())
def test_the_table_over_the_shards_has_their_columns_and_comments(
    columns: list[tuple[str, str, str]], of_rows: list[str], commented: bool
) -> None:
    listed = [f"c{number} {type_}{comment}{codec}" for number, (type_, comment, codec) in enumerate(columns)]
    comment = "\nCOMMENT 'Events; by seed'" if commented else ""
    local, over = sharded(
        "CREATE TABLE IF NOT EXISTS events ON CLUSTER `shops`\n(\n    "
        + ",\n    ".join([*listed, *of_rows])
        + f"\n)\nENGINE = ReplicatedMergeTree\nORDER BY c0\nSETTINGS index_granularity = 1024{comment}"
    )
    assert local.startswith("CREATE TABLE IF NOT EXISTS events_local ON CLUSTER `shops`\n")
    assert all(each in local for each in [*listed, *of_rows])
    head, _, rest = over.partition("\n(\n    ")
    body, _, tail = rest.partition("\n)\nENGINE = ")
    assert head == "CREATE TABLE IF NOT EXISTS events ON CLUSTER `shops`"
    assert body == ",\n    ".join(f"c{number} {each[0]}{each[1]}" for number, each in enumerate(columns))
    assert tail == f"Distributed('shops', 'kith', 'events_local', sipHash64(seed)){comment}"
