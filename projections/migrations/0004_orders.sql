-- Newest state of each order, as published on orders.changelog. Items stand in the row, so that a state replaces them whole.
CREATE TABLE IF NOT EXISTS order_states ${on_cluster}
(
    seed UUID COMMENT 'Seed of order:<store>: joins to identity.seed',
    order_id String COMMENT 'Id that the shop gave the order; may repeat in another store',
    store LowCardinality(String) COMMENT 'Store that the order belongs to',
    status LowCardinality(String) COMMENT 'placed, paid, fulfilled, delivered, cancelled, partially_refunded, refunded',
    total Decimal(38, 4) COMMENT 'What the customer was charged, in units of the currency',
    refunded Decimal(38, 4) COMMENT 'What was given back so far',
    currency LowCardinality(String) COMMENT 'ISO 4217 code',
    placed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the order was placed; null as long as nobody said so',
    updated_at DateTime64(3, 'UTC') COMMENT 'Newest change by the clock of the shop',
    items Nested
    (
        product_id String,
        name String,
        category String,
        quantity Decimal(38, 4),
        price Decimal(38, 4)
    ) COMMENT 'Lines of the order, side by side',
    history String COMMENT 'JSON array of the states that the order went through' CODEC(ZSTD(1)),
    raw String COMMENT 'The state, byte for byte as published' CODEC(ZSTD(1)),
    version UInt64 COMMENT 'Version of the published state',
    deleted Bool COMMENT 'The order exists no longer',
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Of two rows of one order the greater offset stands'
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY seed
SETTINGS index_granularity = 512, ${deduplication_window} = 10000
COMMENT 'States of orders as published; read the views orders and order_items';

CREATE VIEW IF NOT EXISTS orders ${on_cluster}
(
    order_id String COMMENT 'Id that the shop gave the order; may repeat in another store',
    store LowCardinality(String) COMMENT 'Store that the order belongs to',
    seed UUID COMMENT 'Seed of order:<store>: joins to identity.seed',
    status LowCardinality(String) COMMENT 'placed, paid, fulfilled, delivered, cancelled, partially_refunded, refunded',
    total Decimal(38, 4) COMMENT 'What the customer was charged, in units of the currency',
    refunded Decimal(38, 4) COMMENT 'What was given back so far',
    currency LowCardinality(String) COMMENT 'ISO 4217 code',
    placed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the order was placed; null as long as nobody said so',
    updated_at DateTime64(3, 'UTC') COMMENT 'Newest change by the clock of the shop',
    history String COMMENT 'JSON array of the states that the order went through',
    version UInt64 COMMENT 'Version of the published state'
)
AS SELECT order_id, store, seed, status, total, refunded, currency, placed_at, updated_at, history, version
FROM order_states FINAL
WHERE NOT deleted
COMMENT 'One row per order: its newest state; orders_by_profile adds the person';

CREATE VIEW IF NOT EXISTS order_items ${on_cluster}
(
    order_id String COMMENT 'Id that the shop gave the order; may repeat in another store',
    store LowCardinality(String) COMMENT 'Store that the order belongs to',
    seed UUID COMMENT 'Seed of order:<store>: joins to identity.seed',
    status LowCardinality(String) COMMENT 'placed, paid, fulfilled, delivered, cancelled, partially_refunded, refunded',
    total Decimal(38, 4) COMMENT 'What the customer was charged, in units of the currency',
    refunded Decimal(38, 4) COMMENT 'What was given back so far',
    currency LowCardinality(String) COMMENT 'ISO 4217 code',
    placed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the order was placed; null as long as nobody said so',
    updated_at DateTime64(3, 'UTC') COMMENT 'Newest change by the clock of the shop',
    product_id String COMMENT 'Product: product_id, else sku, else name',
    name String COMMENT 'Name of the product',
    category String COMMENT 'Category of the product',
    quantity Decimal(38, 4) COMMENT 'How many',
    price Decimal(38, 4) COMMENT 'Price of one, in units of the currency; 0 if nobody said it'
)
AS SELECT
    order_id, store, seed, status, total, refunded, currency, placed_at, updated_at,
    items.product_id AS product_id,
    items.name AS name,
    items.category AS category,
    items.quantity AS quantity,
    items.price AS price
FROM order_states FINAL
ARRAY JOIN items
WHERE NOT deleted
COMMENT 'One row per line of an order: total and refunded are those of the whole order, price is that of one piece';
