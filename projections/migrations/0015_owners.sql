-- Whom a seed belongs to, in memory. Two dictionaries, so that a change costs what changed and not what there is:
-- identity_settled has every seed that belongs to one profile for all of time, as of its last reload; identity_unsettled
-- has the slices of every seed that changed since then, or that changes hands, and is asked first. projections/owners.py
-- reloads them.

CREATE TABLE IF NOT EXISTS identity_marks ${on_cluster}
(
    topic LowCardinality(String) COMMENT 'Topic that slices were read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Slices below this offset are in identity_settled'
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (topic, partition)
SETTINGS ${deduplication_window} = 10000
COMMENT 'How far identity had come when identity_settled was last reloaded';

CREATE VIEW IF NOT EXISTS identity_settled_rows ${on_cluster}
(
    seed UUID COMMENT 'Seed of the identifier',
    profile_id UUID COMMENT 'Profile that the seed belongs to'
)
AS SELECT seed, profile_id
FROM identity
WHERE valid_from = '1900-01-01 00:00:00.000' AND valid_to = '2299-12-31 23:59:59.999'
COMMENT 'What identity_settled is loaded from: seeds that belong to one profile for all of time';

-- A seed whose slices are all gone is its own profile, whatever identity_settled still says.
CREATE VIEW IF NOT EXISTS identity_unsettled_rows ${on_cluster}
(
    seed UUID COMMENT 'Seed of the identifier',
    valid_from DateTime64(3, 'UTC') COMMENT 'Start, inclusive; 1900-01-01 means unbounded',
    valid_until DateTime64(3, 'UTC') COMMENT 'End, inclusive; 2299-12-31 23:59:59.999 means unbounded',
    profile_id UUID COMMENT 'Profile that the seed belongs to in this time'
)
AS WITH
    toDateTime64('1900-01-01 00:00:00.000', 3, 'UTC') AS always,
    toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC') AS forever
SELECT
    seed,
    slice.1 AS valid_from,
    if(slice.2 = forever, forever, slice.2 - toIntervalMillisecond(1)) AS valid_until,
    slice.3 AS profile_id
FROM
(
    SELECT seed, groupArrayIf((valid_from, valid_to, profile_id), NOT deleted) AS slices
    FROM identity_slices FINAL
    WHERE seed IN
    (
        SELECT seed
        FROM identity_slices
        ANY LEFT JOIN (SELECT topic, partition, offset AS settled FROM identity_marks FINAL) AS marks
            USING (topic, partition)
        WHERE offset >= settled OR valid_from != always OR valid_to != forever
    )
    GROUP BY seed
)
ARRAY JOIN if(empty(slices), [(always, forever, seed)], slices) AS slice
COMMENT 'What identity_unsettled is loaded from: slices of seeds that change hands, or changed since the marks';

CREATE OR REPLACE DICTIONARY identity_settled ${on_cluster}
(
    seed UUID,
    profile_id UUID
)
PRIMARY KEY seed
SOURCE(CLICKHOUSE(${access} TABLE 'identity_settled_rows'))
LIFETIME(MIN 300 MAX 600)
LAYOUT(COMPLEX_KEY_HASHED_ARRAY())
COMMENT 'Profile of each seed that belongs to one for all of time, as of the marks or later';

CREATE OR REPLACE DICTIONARY identity_unsettled ${on_cluster}
(
    seed UUID,
    valid_from DateTime64(3, 'UTC'),
    valid_until DateTime64(3, 'UTC'),
    profile_id UUID
)
PRIMARY KEY seed
SOURCE(CLICKHOUSE(${access} TABLE 'identity_unsettled_rows'))
LIFETIME(MIN 300 MAX 600)
LAYOUT(COMPLEX_KEY_RANGE_HASHED())
RANGE(MIN valid_from MAX valid_until)
COMMENT 'Profile by time of each seed that changes hands, or changed since the marks';

CREATE OR REPLACE VIEW events_by_profile ${on_cluster}
(
    profile_id UUID COMMENT 'Person: the profile that it belongs to today',
    event_id UUID COMMENT 'uuid5 of source and message id; unique in this table',
    source LowCardinality(String) COMMENT 'Name of the source that sent the event',
    channel LowCardinality(String) COMMENT 'web, order, chat or social',
    type LowCardinality(String) COMMENT 'track, page, screen, identify, group or alias',
    event LowCardinality(String) COMMENT 'Name of a track event, or of the page or screen; empty if it has none',
    message_id String COMMENT 'Message id of the sender; duplicates share it',
    seed UUID COMMENT 'Seed of the strongest identifier: joins to identity.seed',
    identifiers Array(Tuple(type String, value String)) COMMENT 'Normalised identifiers, strongest first',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, corrected for the clock of the sender',
    received_at DateTime64(3, 'UTC') COMMENT 'When the collector received it',
    sent_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the sender says that it was sent',
    original_timestamp Nullable(DateTime64(3, 'UTC')) COMMENT 'When the sender says that it happened',
    properties String COMMENT 'JSON object: what the event is about',
    traits String COMMENT 'JSON object: what it says about the person',
    context String COMMENT 'JSON object: page, campaign, device, consent',
    integrations String COMMENT 'JSON object: destinations switched on or off by the sender',
    flags Array(LowCardinality(String)) COMMENT 'bot, clamped: tags, never reasons to drop',
    raw String COMMENT 'The canonical event, byte for byte as in the log'
)
AS SELECT
    dictGetOrDefault('identity_unsettled', 'profile_id', seed, occurred_at,
        dictGetOrDefault('identity_settled', 'profile_id', seed, seed)) AS profile_id,
    event_id, source, channel, type, event, message_id, seed, identifiers, occurred_at, received_at,
    sent_at, original_timestamp, properties, traits, context, integrations, flags, raw
FROM events
COMMENT 'Every event with the person that it belongs to today';

-- One person's events, read by seed: SELECT … FROM events_of(profile_id = '…').
CREATE OR REPLACE VIEW events_of ${on_cluster}
AS SELECT
    {profile_id:UUID} AS profile_id,
    event_id, source, channel, type, event, message_id, seed, identifiers, occurred_at, received_at,
    sent_at, original_timestamp, properties, traits, context, integrations, flags, raw
FROM events
WHERE seed IN
    (
        SELECT seed FROM identity_candidates WHERE profile_id = {profile_id:UUID}
        UNION ALL
        SELECT {profile_id:UUID}
    )
    AND dictGetOrDefault('identity_unsettled', 'profile_id', seed, occurred_at,
        dictGetOrDefault('identity_settled', 'profile_id', seed, seed)) = {profile_id:UUID}
COMMENT 'Events of one person: events_of(profile_id = …)';

CREATE OR REPLACE VIEW orders_by_profile ${on_cluster}
(
    profile_id UUID COMMENT 'Person: the profile that it belongs to today',
    order_id String COMMENT 'Id that the shop gave the order; may repeat in another store',
    store LowCardinality(String) COMMENT 'Store that the order belongs to',
    seed UUID COMMENT 'Seed of order:<store>: joins to identity.seed',
    status LowCardinality(String) COMMENT 'placed, paid, fulfilled, delivered, cancelled, partially_refunded, refunded',
    total Decimal(38, 4) COMMENT 'What the customer was charged, in units of the currency',
    refunded Decimal(38, 4) COMMENT 'What was given back so far',
    currency LowCardinality(String) COMMENT 'ISO 4217 code',
    placed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the order was placed; null as long as nobody said so',
    updated_at DateTime64(3, 'UTC') COMMENT 'Newest change by the clock of the shop',
    history String COMMENT 'JSON array of the states that the order went through'
)
AS SELECT
    dictGetOrDefault('identity_unsettled', 'profile_id', seed, ifNull(placed_at, updated_at),
        dictGetOrDefault('identity_settled', 'profile_id', seed, seed)) AS profile_id,
    order_id, store, seed, status, total, refunded, currency, placed_at, updated_at, history
FROM orders
COMMENT 'Every order with the person that it belongs to today';

-- One person's orders, read by seed: SELECT … FROM orders_of(profile_id = '…').
CREATE OR REPLACE VIEW orders_of ${on_cluster}
AS SELECT
    {profile_id:UUID} AS profile_id,
    order_id, store, seed, status, total, refunded, currency, placed_at, updated_at,
    ifNull(placed_at, updated_at) AS moment, history, raw
FROM order_states FINAL
WHERE NOT deleted
    AND seed IN
    (
        SELECT seed FROM identity_candidates WHERE profile_id = {profile_id:UUID}
        UNION ALL
        SELECT {profile_id:UUID}
    )
    AND dictGetOrDefault('identity_unsettled', 'profile_id', seed, moment,
        dictGetOrDefault('identity_settled', 'profile_id', seed, seed)) = {profile_id:UUID}
COMMENT 'Orders of one person: orders_of(profile_id = …); moment is when it was placed, else when it last changed';
