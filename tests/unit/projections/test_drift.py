from projections.dictionary import relations
from projections.drift import Lack, lacks

KNOWN = relations()
COLUMNS = {each.name: {name for name, _, _ in each.columns} for each in KNOWN}
NAMES = set(COLUMNS)


def test_tables_as_they_were_made_lack_nothing() -> None:
    assert lacks(KNOWN, NAMES, COLUMNS) == []
    # A nested column is shown as its members, and what somebody added is theirs.
    members = {**COLUMNS, "order_states": {*COLUMNS["order_states"] - {"items"}, "items.name", "mine"}}
    assert lacks(KNOWN, {*NAMES, "mine"}, members) == []


def test_a_table_a_view_and_a_column_are_missed() -> None:
    columns = {**COLUMNS, "events": COLUMNS["events"] - {"context"}}
    found = lacks(KNOWN, NAMES - {"decisions", "rfm_of"}, columns)
    assert [str(each) for each in found] == ["events.context", "decisions", "rfm_of"]
    assert found[0].statement == (
        "ALTER TABLE events ${on_cluster} ADD COLUMN IF NOT EXISTS context String "
        "COMMENT 'JSON object: page, campaign, device, consent'"
    )
    assert found[1:] == [Lack("decisions"), Lack("rfm_of")]
