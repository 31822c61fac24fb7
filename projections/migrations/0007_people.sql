-- The person behind each row, found at query time: a merge or a split moves all history at once, without rewriting it.
-- A seed's slices cover all of time, so the last slice that starts at or before the event is the one that holds it.
CREATE VIEW IF NOT EXISTS events_by_profile ${on_cluster}
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
    if(owner.known, owner.profile_id, events.seed) AS profile_id,
    event_id, source, channel, type, event, message_id, events.seed AS seed, identifiers, occurred_at, received_at,
    sent_at, original_timestamp, properties, traits, context, integrations, flags, raw
FROM events
ASOF LEFT JOIN (SELECT seed, valid_from, profile_id, true AS known FROM identity) AS owner
    ON events.seed = owner.seed AND events.occurred_at >= owner.valid_from
COMMENT 'Every event with the person that it belongs to today';

-- One person's events, read by seed: SELECT … FROM events_of(profile_id = '…').
CREATE VIEW IF NOT EXISTS events_of ${on_cluster}
AS WITH
    candidates AS
    (
        SELECT seed FROM identity_candidates WHERE profile_id = {profile_id:UUID}
        UNION DISTINCT
        SELECT {profile_id:UUID}
    ),
    known AS (SELECT seed, valid_from, profile_id, true AS known FROM identity WHERE seed IN (SELECT seed FROM candidates))
SELECT
    {profile_id:UUID} AS profile_id,
    event_id, source, channel, type, event, message_id, events.seed AS seed, identifiers, occurred_at, received_at,
    sent_at, original_timestamp, properties, traits, context, integrations, flags, raw
FROM events
ASOF LEFT JOIN known AS owner ON events.seed = owner.seed AND events.occurred_at >= owner.valid_from
WHERE events.seed IN (SELECT seed FROM candidates)
    AND if(owner.known, owner.profile_id, events.seed) = {profile_id:UUID}
COMMENT 'Events of one person: events_of(profile_id = …)';

CREATE VIEW IF NOT EXISTS orders_by_profile ${on_cluster}
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
    if(owner.known, owner.profile_id, placed.seed) AS profile_id,
    order_id, store, placed.seed AS seed, status, total, refunded, currency, placed_at, updated_at, history
FROM (SELECT *, ifNull(placed_at, updated_at) AS moment FROM orders) AS placed
ASOF LEFT JOIN (SELECT seed, valid_from, profile_id, true AS known FROM identity) AS owner
    ON placed.seed = owner.seed AND placed.moment >= owner.valid_from
COMMENT 'Every order with the person that it belongs to today';

-- One person's orders, read by seed: SELECT … FROM orders_of(profile_id = '…').
CREATE VIEW IF NOT EXISTS orders_of ${on_cluster}
AS WITH
    candidates AS
    (
        SELECT seed FROM identity_candidates WHERE profile_id = {profile_id:UUID}
        UNION DISTINCT
        SELECT {profile_id:UUID}
    ),
    known AS
    (
        SELECT seed, valid_from, profile_id, true AS known FROM identity WHERE seed IN (SELECT seed FROM candidates)
    ),
    placed AS
    (
        SELECT *, ifNull(placed_at, updated_at) AS moment
        FROM order_states FINAL
        WHERE NOT deleted AND seed IN (SELECT seed FROM candidates)
    )
SELECT
    {profile_id:UUID} AS profile_id,
    order_id, store, placed.seed AS seed, status, total, refunded, currency, placed_at, updated_at, moment, history, raw
FROM placed
ASOF LEFT JOIN known AS owner ON placed.seed = owner.seed AND placed.moment >= owner.valid_from
WHERE if(owner.known, owner.profile_id, placed.seed) = {profile_id:UUID}
COMMENT 'Orders of one person: orders_of(profile_id = …); moment is when it was placed, else when it last changed';
