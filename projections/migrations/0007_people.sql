-- The person behind each row, found at query time: a merge or a split moves all history at once, without rewriting it.
-- A seed's slices cover all of time, so the last slice that starts at or before the event is the one that holds it.
CREATE VIEW IF NOT EXISTS events_by_profile ${on_cluster}
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
