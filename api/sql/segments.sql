-- Periods with changes; members are those at the period's end, whatever the time asked for. The cursor is the last pair.
SELECT period, segment_id, entered, exited, members
FROM
(
    SELECT
        toString(toDate32(dateTrunc({period:String}, toDateTime64(at, 3, {timezone:String})))) AS period,
        segment_id,
        countIf(change = 'entered') AS entered,
        countIf(change = 'exited') AS exited,
        sum(toInt64(entered) - toInt64(exited)) OVER (PARTITION BY segment_id ORDER BY period) AS members,
        max(at) AS latest
    FROM segment_changes FINAL
    WHERE at < {end:DateTime64(3, 'UTC')} AND ({segment:String} = '' OR segment_id = {segment:String})
    GROUP BY period, segment_id
)
WHERE latest >= {start:DateTime64(3, 'UTC')} AND (period, segment_id) > ({after_period:String}, {after_segment:String})
ORDER BY period, segment_id
LIMIT {limit:UInt32}
SETTINGS enable_extended_results_for_datetime_functions = 1
