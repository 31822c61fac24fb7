from projections.dictionary import relations

KNOWN = {relation.name: relation for relation in relations()}
PROMISED = {
    "events": "event_id source channel type event message_id seed occurred_at received_at properties traits context "
    "identifiers sent_at original_timestamp integrations flags raw",
    "events_by_profile": "profile_id event_id seed occurred_at properties raw",
    "identity": "seed valid_from valid_to profile_id",
    "profiles": "profile_id version traits segments identifiers",
    "orders": "order_id store seed status total refunded currency placed_at updated_at",
    "order_items": "order_id store seed product_id name category quantity price",
    "orders_by_profile": "profile_id order_id store seed status total refunded currency placed_at updated_at",
    "segment_membership": "segment_id profile_id since",
    "segment_changes": "change_id segment_id segment_version profile_id change sequence at because",
    "decisions": "decision_id kind profile_id rule at message",
    "dead_letters": "id source reason message at payload",
}
VIEWS = ("sessions", "daily_revenue", "product_popularity", "rfm", "funnel", "retention", "events_of", "orders_of")


def test_what_other_programs_rely_on_is_there() -> None:
    for name, columns in PROMISED.items():
        assert set(columns.split()) <= {column for column, _, _ in KNOWN[name].columns}, name
    assert set(VIEWS) <= KNOWN.keys()


def test_everything_says_what_it_is() -> None:
    for relation in KNOWN.values():
        assert relation.comment
        # The engine names no columns of a view that has parameters: its comment names these.
        assert bool(relation.columns) != bool(relation.parameters), relation.name
        for column, type_, comment in relation.columns:
            assert comment, (relation.name, column)
            assert type_


def test_amounts_are_decimals_and_times_have_milliseconds_and_a_zone() -> None:
    for relation in KNOWN.values():
        for column, type_, _ in relation.columns:
            if column in ("total", "refunded", "gross", "net", "revenue", "price"):
                assert type_.startswith("Decimal("), (relation.name, column)
            if column.endswith(("_at", "_from", "_to")):
                assert "DateTime64(3, 'UTC')" in type_, (relation.name, column)
