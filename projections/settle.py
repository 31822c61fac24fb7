"""One id, two bodies, two partitions: a rebuild keeps the copy that the live archive keeps.

Which of them the projector read first, the log does not say; units have been told about the one that lost. Copies with
one seed are no question: they lie in one partition, and the first stands.
"""

from projections.archive import Editor, seeds_held, table_of_ids
from projections.batch import Block
from projections.placement import ONE_NODE, Placement
from projections.tables import EVENTS

_EVENT_ID, _SEED = EVENTS.names.index("event_id"), EVENTS.names.index("seed")
_PLACES = "SELECT toString(event_id), topic, partition, offset FROM {live} WHERE event_id IN (SELECT id FROM ids)"
_DELETE = "DELETE FROM {table} WHERE event_id IN {{ids:Array(UUID)}}"
# A deletion's ids travel in the request's address.
_AT_ONCE = 200


def settle(editor: Editor, block: Block, new: Block, live: str, placement: Placement = ONE_NODE) -> Block:
    """Return the rows of `block` that the live table has instead of others of their id; those are deleted.

    `new` is what was inserted of `block`, into the block's table. The caller inserts the answer; doing all of it again
    is harmless.
    """
    kept = {id(row) for row in new.rows}
    left_out = block.without(lambda row: id(row) in kept)
    chosen: dict[str, int] = {}
    asked = [(row[_EVENT_ID], row[_SEED]) for row in left_out.rows]
    held = seeds_held(editor, asked, block.table.name)
    if other := {event_id for event_id, seed in asked if held.get(event_id) != seed}:
        answer = editor.query(_PLACES.format(live=live), external_data=table_of_ids(sorted(other)))
        places = {found: (topic, partition, offset) for found, topic, partition, offset in answer.result_rows}
        chosen = {
            row[_EVENT_ID]: id(row)
            for row, record in zip(left_out.rows, left_out.records, strict=True)
            if places.get(row[_EVENT_ID]) == (record.topic, record.partition, record.offset)
        }
    deletion = _DELETE.format(table=placement.deletable(block.table.name))
    gone = sorted(chosen)
    for start in range(0, len(gone), _AT_ONCE):
        editor.command(deletion, parameters={"ids": gone[start : start + _AT_ONCE]})
    these = set(chosen.values())
    token = f"{block.token} settled"
    settled = block.without(lambda row: id(row) not in these)
    return Block(settled.table, token, settled.rows, settled.records)
