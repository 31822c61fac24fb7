-- A view with parameters that another view calls is looked for in the database of whoever asks, where other names are those
-- of the view's own. So these were known in Kith's database only: a BI tool or dbt, connected to one of its own, got
-- "unknown table function". They are as before, but for the database's name.

CREATE OR REPLACE VIEW funnel_of ${on_cluster}
AS SELECT
    step,
    {steps:Array(String)}[step] AS event,
    countIf(took[step] >= 0) AS people,
    people / greatest(countIf(took[1] >= 0), 1) AS conversion,
    if(people = 0, NULL, quantileExactInclusiveIf(0.5)(took[step] / 1000, took[step] >= 0)) AS median_seconds
FROM
(
    SELECT took, arrayJoin(arrayEnumerate({steps:Array(String)})) AS step
    FROM
    (
        SELECT took
        FROM ${database}.funnel_people(
            steps = {steps:Array(String)}, within = {within:Int64},
            start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')}, channel = {channel:String}, segment = {segment:String})
        UNION ALL
        -- Nobody: so that every step has its row.
        SELECT arrayWithConstant(length({steps:Array(String)}), toInt64(-1)) AS took
    )
)
GROUP BY step
ORDER BY step
COMMENT 'A funnel, with (steps, within, start, end, channel, segment); within in milliseconds, seconds from the first step';

CREATE OR REPLACE VIEW funnel ${on_cluster}
AS SELECT *
FROM ${database}.funnel_of(
    steps = {steps:Array(String)}, within = {within:Int64},
    start = '1900-01-01 00:00:00.000', end = '2299-12-31 23:59:59.999', channel = '', segment = '')
COMMENT 'A funnel over everything, with (steps, within); within in milliseconds, seconds are those from the first step';

CREATE OR REPLACE VIEW retention ${on_cluster}
AS SELECT *
FROM ${database}.retention_of(
    start_event = {start_event:String}, return_event = {return_event:String}, period = {period:String}, timezone = 'UTC',
    start = '1900-01-01 00:00:00.000', end = '2299-12-31 23:59:59.999', channel = '', segment = '')
COMMENT 'Cohorts by the period (day, week, month; UTC) of the first start_event, with (start_event, return_event, period)';
