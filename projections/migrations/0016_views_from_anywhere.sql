-- A view with parameters that another view calls is looked for in the database of whoever asks, where other names are those
-- of the view's own. So these were known in Kith's database only: a BI tool or dbt, connected to one of its own, got
-- "unknown table function". They are as before, but for the database's name.

CREATE OR REPLACE VIEW product_popularity_of ${on_cluster}
AS WITH
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
            AND ({segment:String} = ''
                OR profile_id IN (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}))
    ),
    bought AS
    (
        SELECT order_items.product_id AS product_id, order_items.name AS name, quantity, quantity * price AS amount, seed
        FROM order_items
        WHERE seed IN
        (
            SELECT seed
            FROM ${database}.orders_counted_of(
                start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')},
                channel = {channel:String}, segment = {segment:String})
        )
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

CREATE OR REPLACE VIEW product_popularity ${on_cluster}
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
FROM ${database}.product_popularity_of(start = '1900-01-01 00:00:00.000', end = '2299-12-31 23:59:59.999', channel = '', segment = '')
COMMENT 'Views, adds and orders of each product; revenue is quantity times price of orders not cancelled, all currencies';

CREATE OR REPLACE VIEW rfm_of ${on_cluster}
AS WITH people AS
(
    SELECT
        profile_id,
        max(placed_at) AS last_at,
        count() AS orders,
        sum(total - refunded) AS revenue
    FROM ${database}.orders_counted_of(
        start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')},
        channel = {channel:String}, segment = {segment:String})
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
COMMENT 'Recency, frequency and money of everybody with an order not cancelled, with (start, end, channel, segment)';

CREATE OR REPLACE VIEW rfm ${on_cluster}
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
AS SELECT *
FROM ${database}.rfm_of(start = '1900-01-01 00:00:00.000', end = '2299-12-31 23:59:59.999', channel = '', segment = '')
COMMENT 'Recency, frequency and money of everybody with an order that was not cancelled; scores 1 to 5';

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
