"""Tables that were changed by hand are mended by the next migration."""

from deploy.local.tables import mend
from projections.clickhouse import open_database
from schemas.settings import Settings
from tests.contract.conftest import settings_of


def test_what_was_taken_by_hand_comes_back(archive_url: str) -> None:
    settings: Settings = settings_of(archive_url)
    client = open_database(settings)
    assert mend(settings) == []
    client.command("ALTER TABLE events DROP COLUMN context")
    client.command("DROP TABLE decisions")
    client.command("DROP VIEW rfm_of")
    client.command("ALTER TABLE order_states DROP COLUMN history")
    before = client.query("SELECT * FROM events").column_names
    assert "context" not in before
    assert {str(each) for each in mend(settings)} == {"events.context", "decisions", "rfm_of", "order_states.history"}
    assert mend(settings) == []
    assert client.query("SELECT * FROM rfm").result_rows == []
    assert client.query("SELECT context FROM events_by_profile").result_rows == []
    client.close()
