-- What analysts ask most. The views whose names end in _of have parameters; those without are the same over everything.
-- start and end bound a time [start, end); segment and channel keep to a segment's present members and to a channel,
-- empty text means all.

-- A session is a longest run of activity in which each event follows the one before within less than 30 minutes.
CREATE VIEW IF NOT EXISTS sessions ${on_cluster}
(
    profile_id UUID COMMENT 'Person: the profile that it belongs to today',
    started_at DateTime64(3, 'UTC') COMMENT 'First event of the session',
    ended_at DateTime64(3, 'UTC') COMMENT 'Last event of the session',
    events UInt64 COMMENT 'Events in it',
    page_views UInt32 COMMENT 'Pages among them',
    bounce UInt8 COMMENT 'One page view and nothing else'
)
AS SELECT
    profile_id,
    fromUnixTimestamp64Milli(visit[1].1, 'UTC') AS started_at,
    fromUnixTimestamp64Milli(visit[-1].1, 'UTC') AS ended_at,
    length(visit) AS events,
    arrayCount(each -> each.2, visit) AS page_views,
    length(visit) = 1 AND visit[1].2 AS bounce
FROM
(
    SELECT
        profile_id,
        arraySort(groupArray((toUnixTimestamp64Milli(occurred_at), type = 'page'))) AS timeline,
        arrayDifference(arrayMap(each -> each.1, timeline)) AS gaps,
        arraySplit((each, gap) -> gap >= 30 * 60 * 1000, timeline, gaps) AS visits
    FROM events_by_profile
    WHERE type IN ('track', 'page', 'screen')
    GROUP BY profile_id
)
ARRAY JOIN visits AS visit
COMMENT 'One row per session of a person: activity with gaps below 30 minutes; a bounce is one page view and nothing else';

CREATE VIEW IF NOT EXISTS orders_counted ${on_cluster}
(
    profile_id UUID COMMENT 'Person: the profile that it belongs to today',
    seed UUID COMMENT 'Seed of order:<store>: joins to identity.seed',
    order_id String COMMENT 'Id that the shop gave the order; may repeat in another store',
    store LowCardinality(String) COMMENT 'Store that the order belongs to',
    status LowCardinality(String) COMMENT 'placed, paid, fulfilled, delivered, cancelled, partially_refunded, refunded',
    total Decimal(38, 4) COMMENT 'What the customer was charged, in units of the currency',
    refunded Decimal(38, 4) COMMENT 'What was given back so far',
    currency LowCardinality(String) COMMENT 'ISO 4217 code',
    placed_at DateTime64(3, 'UTC') COMMENT 'When the order was placed, else when it last changed'
)
AS SELECT profile_id, seed, order_id, store, status, total, refunded, currency, ifNull(placed_at, updated_at) AS placed_at
FROM orders_by_profile
WHERE status != 'cancelled'
COMMENT 'Orders that count: those that were not cancelled, with the person';

CREATE VIEW IF NOT EXISTS daily_revenue ${on_cluster}
(
    day Date32 COMMENT 'Day (UTC) on which the orders were placed',
    currency LowCardinality(String) COMMENT 'ISO 4217 code',
    orders UInt64 COMMENT 'Orders that were not cancelled',
    gross Decimal(38, 4) COMMENT 'Sum of their totals',
    refunded Decimal(38, 4) COMMENT 'Sum of what was given back of them so far',
    net Decimal(38, 4) COMMENT 'Gross less refunded'
)
AS SELECT
    toDate32(placed_at, 'UTC') AS day,
    currency,
    count() AS orders,
    sum(total) AS gross,
    sum(orders_counted.refunded) AS refunded,
    gross - refunded AS net
FROM orders_counted
GROUP BY day, currency
COMMENT 'Orders, gross, refunded and net by the day (UTC) on which the order was placed, cancelled orders left out';

-- A product is known by its product_id, else its sku, else its name.
CREATE VIEW IF NOT EXISTS product_popularity_of ${on_cluster}
AS WITH
    people AS (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}),
    looked AS
    (
        SELECT
            arrayFirst(name -> name != '', arrayMap(
                key -> trimBoth(if(JSONType(properties, key) = 'String',
                    JSONExtractString(properties, key), JSONExtractRaw(properties, key))),
                ['product_id', 'sku', 'name'])) AS product_id,
            JSONExtractString(properties, 'name') AS name,
            event = 'Product Viewed' AS view
        FROM events_by_profile
        WHERE event IN ('Product Viewed', 'Product Added')
            AND occurred_at >= {start:DateTime64(3, 'UTC')} AND occurred_at < {end:DateTime64(3, 'UTC')}
            AND ({channel:String} = '' OR channel = {channel:String})
            AND ({segment:String} = '' OR profile_id IN (SELECT profile_id FROM people))
    ),
    bought AS
    (
        SELECT order_items.product_id AS product_id, order_items.name AS name, quantity, quantity * price AS amount, seed
        FROM order_items
        INNER JOIN orders_counted AS counted ON order_items.seed = counted.seed
        WHERE counted.placed_at >= {start:DateTime64(3, 'UTC')} AND counted.placed_at < {end:DateTime64(3, 'UTC')}
            AND ({channel:String} IN ('', 'order'))
            AND ({segment:String} = '' OR counted.profile_id IN (SELECT profile_id FROM people))
    )
SELECT
    product_id,
    max(name) AS name,
    countIf(view = 1) AS views,
    countIf(view = 0) AS adds,
    uniqExactIf(seed, view = 2) AS orders,
    sum(quantity) AS quantity,
    sum(amount) AS revenue
FROM
(
    SELECT product_id, name, toUInt8(view) AS view, toDecimal128(0, 4) AS quantity, toDecimal128(0, 4) AS amount,
        toUUID('00000000-0000-0000-0000-000000000000') AS seed
    FROM looked
    UNION ALL
    SELECT product_id, name, 2 AS view, quantity, toDecimal128(amount, 4) AS amount, seed FROM bought
)
WHERE product_id != ''
GROUP BY product_id
COMMENT 'Views, adds and orders of each product, with (start, end, channel, segment)';

CREATE VIEW IF NOT EXISTS product_popularity ${on_cluster}
(
    product_id String COMMENT 'Product: product_id, else sku, else name',
    name String COMMENT 'Name of the product',
    views UInt64 COMMENT 'Product Viewed events',
    adds UInt64 COMMENT 'Product Added events',
    orders UInt64 COMMENT 'Orders with it that were not cancelled',
    quantity Decimal(38, 4) COMMENT 'How many were ordered',
    revenue Decimal(38, 4) COMMENT 'Quantity times price of these orders, whatever their currency'
)
AS SELECT *
FROM product_popularity_of(start = '1900-01-01 00:00:00.000', end = '2299-12-31 23:59:59.999', channel = '', segment = '')
COMMENT 'Views, adds and orders of each product; revenue is quantity times price of orders not cancelled, all currencies';

-- Scores are 1 to 5: one more than five times the share of people who are strictly worse.
CREATE VIEW IF NOT EXISTS rfm_of ${on_cluster}
AS WITH people AS
(
    SELECT
        profile_id,
        max(placed_at) AS last_at,
        count() AS orders,
        sum(total - refunded) AS revenue
    FROM orders_counted
    WHERE placed_at <= {as_of:DateTime64(3, 'UTC')}
        AND ({segment:String} = ''
            OR profile_id IN (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}))
    GROUP BY profile_id
)
SELECT
    profile_id,
    last_at,
    orders,
    revenue,
    1 + intDiv(5 * (rank() OVER (ORDER BY last_at) - 1), count() OVER ()) AS recency,
    1 + intDiv(5 * (rank() OVER (ORDER BY orders) - 1), count() OVER ()) AS frequency,
    1 + intDiv(5 * (rank() OVER (ORDER BY revenue) - 1), count() OVER ()) AS monetary,
    multiIf(
        recency >= 4 AND frequency + monetary >= 8, 'champions',
        recency >= 4 AND frequency + monetary < 6, 'new',
        recency >= 3, 'loyal',
        frequency + monetary >= 6, 'at_risk',
        'lost') AS segment
FROM people
COMMENT 'Recency, frequency and money of everybody with an order that was not cancelled, with (as_of, segment)';

CREATE VIEW IF NOT EXISTS rfm ${on_cluster}
(
    profile_id UUID COMMENT 'Person: the profile that it belongs to today',
    last_at DateTime64(3, 'UTC') COMMENT 'Newest order',
    orders UInt64 COMMENT 'Orders that were not cancelled',
    revenue Decimal(38, 4) COMMENT 'Their totals less refunds, whatever their currency',
    recency Int64 COMMENT '1 to 5: how new the newest order is, among all people',
    frequency Int64 COMMENT '1 to 5: how many orders',
    monetary Int64 COMMENT '1 to 5: how much revenue',
    segment String COMMENT 'champions, loyal, new, at_risk or lost'
)
AS SELECT * FROM rfm_of(as_of = '2299-12-31 23:59:59.999', segment = '')
COMMENT 'Recency, frequency and money of everybody with an order that was not cancelled; scores 1 to 5';

-- windowFunnel's chains: the longest in the order of steps within `within` milliseconds of its first step. Each row is a
-- person with, for each step, the milliseconds from the first one along the chain that got there first; -1: never got there.
-- `starts` says at each mark where the chain began that last reached the step; step by step, all people at once.
CREATE VIEW IF NOT EXISTS funnel_people ${on_cluster}
AS WITH -9223372036854775808 AS none
SELECT
    profile_id,
    arrayFold(
        (state, number) -> (
            arrayFill(start -> start != none, arrayMap(
                (mark, start) -> if(
                    mark.2 = number AND start != none AND mark.1 - start <= {within:Int64}, start, none),
                marks, state.1) AS reached),
            arrayPushBack(state.2,
                (arrayFirstIndex(start -> start != none, reached) AS first) = 0
                    ? -1 : marks[first].1 - reached[first])),
        range(2, length({steps:Array(String)}) + 1),
        (arrayFill(start -> start != none, arrayMap(mark -> if(mark.2 = 1, mark.1, none), marks)), [toInt64(0)])
    ).2 AS took
FROM
(
    SELECT profile_id, arraySort(groupArray((at, step))) AS marks
    FROM
    (
        SELECT
            profile_id,
            toUnixTimestamp64Milli(occurred_at) AS at,
            arrayJoin(arrayFilter(k -> {steps:Array(String)}[k] = event, arrayEnumerate({steps:Array(String)}))) AS step
        FROM events_by_profile
        WHERE event IN {steps:Array(String)}
            AND occurred_at >= {start:DateTime64(3, 'UTC')} AND occurred_at < {end:DateTime64(3, 'UTC')}
            AND ({channel:String} = '' OR channel = {channel:String})
            AND ({segment:String} = ''
                OR profile_id IN (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}))
    )
    GROUP BY profile_id
    HAVING countIf(step = 1) > 0
)
COMMENT 'How far each person came in a funnel, with (steps, within, start, end, channel, segment); within in milliseconds';

CREATE VIEW IF NOT EXISTS funnel_of ${on_cluster}
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
        FROM funnel_people(
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

CREATE VIEW IF NOT EXISTS funnel ${on_cluster}
AS SELECT *
FROM funnel_of(
    steps = {steps:Array(String)}, within = {within:Int64},
    start = '1900-01-01 00:00:00.000', end = '2299-12-31 23:59:59.999', channel = '', segment = '')
COMMENT 'A funnel over everything, with (steps, within); within in milliseconds, seconds are those from the first step';

-- number is the distance in periods: row 0 of a cohort counts its people, row n those who came back n periods later.
CREATE VIEW IF NOT EXISTS retention_of ${on_cluster}
AS SELECT
    cohort,
    dateDiff({period:String}, cohort, bucket) AS number,
    count() AS people
FROM
(
    SELECT
        profile_id,
        minIf(bucket, event = {start_event:String}) AS cohort,
        groupUniqArrayIf(bucket, event = {return_event:String}) AS returns
    FROM
    (
        SELECT
            profile_id,
            event,
            toDate32(dateTrunc({period:String}, toDateTime64(occurred_at, 3, {timezone:String}))) AS bucket
        FROM events_by_profile
        WHERE event IN ({start_event:String}, {return_event:String})
            AND occurred_at >= {start:DateTime64(3, 'UTC')} AND occurred_at < {end:DateTime64(3, 'UTC')}
            AND ({channel:String} = '' OR channel = {channel:String})
            AND ({segment:String} = ''
                OR profile_id IN (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}))
    )
    GROUP BY profile_id
    HAVING countIf(event = {start_event:String}) > 0
)
ARRAY JOIN arrayPushFront(arrayFilter(each -> each > cohort, returns), cohort) AS bucket
GROUP BY cohort, number
ORDER BY cohort, number
SETTINGS enable_extended_results_for_datetime_functions = 1
COMMENT 'Cohorts by the period of the first start_event, with (start_event, return_event, period, timezone, start, end, …)';

CREATE VIEW IF NOT EXISTS retention ${on_cluster}
AS SELECT *
FROM retention_of(
    start_event = {start_event:String}, return_event = {return_event:String}, period = {period:String}, timezone = 'UTC',
    start = '1900-01-01 00:00:00.000', end = '2299-12-31 23:59:59.999', channel = '', segment = '')
COMMENT 'Cohorts by the period (day, week, month; UTC) of the first start_event, with (start_event, return_event, period)';
