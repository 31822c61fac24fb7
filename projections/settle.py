"""One id, two bodies, two partitions: a rebuild keeps the copy that the live archive keeps.

Which of them the projector read first, the log does not say; units have been told about the one that lost. Copies with
one seed are no question: they lie in one partition, and the first stands.
"""

from projections.archive import Editor
from projections.batch import Block
from projections.placement import ONE_NODE, Placement
from projections.tables import EVENTS

_EVENT_ID, _SEED = EVENTS.names.index("event_id"), EVENTS.names.index("seed")
# By the primary key: quick, however large the table is.
_SAME_SEED = """\
SELECT toString(event_id), toString(seed) FROM {table}
WHERE seed IN {{seeds:Array(UUID)}} AND event_id IN {{ids:Array(UUID)}}"""
_PLACES = """\
SELECT toString(event_id), topic, partition, offset FROM {live} WHERE event_id IN {{ids:Array(UUID)}}"""
_DELETE = "DELETE FROM {table} WHERE event_id IN {{ids:Array(UUID)}}"
# Ids travel in the request's address.
_AT_ONCE = 200


def settle(editor: Editor, block: Block, new: Block, live: str, placement: Placement = ONE_NODE) -> Block:
    """Return the rows of `block` that the live table has instead of others of their id; those are deleted.

    `new` is what was inserted of `block`, into the block's table. The caller inserts the answer; doing all of it again
    is harmless.
    """
    kept = {id(row) for row in new.rows}
    left_out = block.without(lambda row: id(row) in kept)
    chosen: set[int] = set()
    for start in range(0, len(left_out.rows), _AT_ONCE):
        part = left_out.part(start, start + _AT_ONCE)
        ids = sorted({row[_EVENT_ID] for row in part.rows})
        seeds = sorted({row[_SEED] for row in part.rows})
        same = editor.query(_SAME_SEED.format(table=block.table.name), parameters={"ids": ids, "seeds": seeds})
        held = dict(same.result_rows)
        other = sorted({row[_EVENT_ID] for row in part.rows if held.get(row[_EVENT_ID]) != row[_SEED]})
        if not other:
            continue
        answer = editor.query(_PLACES.format(live=live), parameters={"ids": other})
        places = {found: (topic, partition, offset) for found, topic, partition, offset in answer.result_rows}
        mine = {
            row[_EVENT_ID]: id(row)
            for row, record in zip(part.rows, part.records, strict=True)
            if places.get(row[_EVENT_ID]) == (record.topic, record.partition, record.offset)
        }
        if mine:
            deletion = _DELETE.format(table=placement.deletable(block.table.name))
            editor.command(deletion, parameters={"ids": sorted(mine)})
            chosen |= set(mine.values())
    token = f"{block.token} settled"
    settled = block.without(lambda row: id(row) not in chosen)
    return Block(settled.table, token, settled.rows, settled.records)
