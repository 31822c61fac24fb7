-- Of each period with a change: those of the time and channel asked for, and the members at its end whatever was asked.
-- A change is of the channel of the event behind it; what time, a definition or an identity brought about is of none.
-- The cursor is the last pair.
WITH
    changes AS
    (
        SELECT segment_id, change, at, toUUIDOrZero(JSONExtractString(because, 'event_id')) AS event_id
        FROM segment_changes FINAL
        WHERE at < {end:DateTime64(3, 'UTC')} AND ({segment:String} = '' OR segment_id = {segment:String})
    ),
    marked AS
    (
        SELECT
            *,
            at >= {start:DateTime64(3, 'UTC')} AND ({channel:String} = '' OR event_id IN
            (
                SELECT event_id
                FROM events
                WHERE {channel:String} != '' AND channel = {channel:String}
                    AND event_id IN (SELECT event_id FROM changes)
            )) AS wanted
        FROM changes
    )
SELECT period, segment_id, entered, exited, members
FROM
(
    SELECT
        toString(toDate32(dateTrunc({period:String}, toDateTime64(at, 3, {timezone:String})))) AS period,
        segment_id,
        countIf(change = 'entered' AND wanted) AS entered,
        countIf(change = 'exited' AND wanted) AS exited,
        sum(toInt64(countIf(change = 'entered')) - toInt64(countIf(change = 'exited')))
            OVER (PARTITION BY segment_id ORDER BY period) AS members
    FROM marked
    GROUP BY period, segment_id
)
WHERE entered + exited > 0 AND (period, segment_id) > ({after_period:String}, {after_segment:String})
ORDER BY period, segment_id
LIMIT {limit:UInt32}
SETTINGS enable_extended_results_for_datetime_functions = 1
