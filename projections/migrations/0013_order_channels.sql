-- Orders by the channel that they came through, and one RFM for them all.
-- A view with parameters that a view calls is named with its database: see 0016.
-- dangerous: drops the view rfm_in, whose twin rfm_of takes its place with a channel; views hold no data.

-- An activity belongs to its person's first order at or after it; an order without activity of its own came from where
-- the person's order before it did. So only orders are held in memory, however many events there are. Of activities at
-- one instant the channel that is last in the alphabet counts.
CREATE VIEW IF NOT EXISTS order_origins ${on_cluster}
(
    seed UUID COMMENT 'Seed of order:<store>: joins to orders.seed',
    profile_id UUID COMMENT 'Person: the profile that it belongs to today',
    channel LowCardinality(String) COMMENT 'web, chat or social: where the person did something last before the order'
)
AS WITH
    placed AS (SELECT seed, profile_id, ifNull(placed_at, updated_at) AS moment FROM orders_by_profile),
    active AS
    (
        SELECT profile_id, occurred_at, channel
        FROM events_by_profile
        WHERE channel != 'order' AND type IN ('track', 'page', 'screen')
    ),
    origins AS
    (
        SELECT moments.profile_id AS profile_id, moments.moment AS moment, max((occurred_at, channel)).2 AS channel
        FROM active
        ASOF INNER JOIN (SELECT DISTINCT profile_id, moment FROM placed) AS moments
            ON active.profile_id = moments.profile_id AND active.occurred_at <= moments.moment
        GROUP BY profile_id, moment
    )
SELECT placed.seed AS seed, placed.profile_id AS profile_id, origins.channel AS channel
FROM placed
ASOF INNER JOIN origins ON placed.profile_id = origins.profile_id AND placed.moment >= origins.moment
COMMENT 'Where each order came from: the channel of the last activity of its person before it; without any it has no row';

-- Every order is of channel order; of web, chat or social are those that came from there.
CREATE VIEW IF NOT EXISTS orders_counted_of ${on_cluster}
AS SELECT *
FROM orders_counted
WHERE placed_at >= {start:DateTime64(3, 'UTC')} AND placed_at < {end:DateTime64(3, 'UTC')}
    AND ({segment:String} = ''
        OR profile_id IN (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}))
    AND ({channel:String} IN ('', 'order') OR seed IN (SELECT seed FROM order_origins WHERE channel = {channel:String}))
COMMENT 'Orders that were not cancelled, with the person, with (start, end, channel, segment)';

-- A product is known by its product_id, else its sku, else its name.
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

-- Scores are 1 to 5: one more than five times the share of people who are strictly worse.
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

DROP VIEW IF EXISTS rfm_in ${on_cluster};
