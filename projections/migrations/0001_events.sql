-- The archive: every accepted event once, by seed and time. Rows never change, whatever is learnt about the person.
CREATE TABLE IF NOT EXISTS events ${on_cluster}
(
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
    properties String COMMENT 'JSON object: what the event is about' CODEC(ZSTD(1)),
    traits String COMMENT 'JSON object: what it says about the person' CODEC(ZSTD(1)),
    context String COMMENT 'JSON object: page, campaign, device, consent' CODEC(ZSTD(1)),
    integrations String COMMENT 'JSON object: destinations switched on or off by the sender' CODEC(ZSTD(1)),
    flags Array(LowCardinality(String)) COMMENT 'bot, clamped: tags, never reasons to drop',
    raw String COMMENT 'The canonical event, byte for byte as in the log' CODEC(ZSTD(3)),
    topic LowCardinality(String) COMMENT 'Topic that the event was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Offset in the partition' CODEC(Delta, ZSTD(1)),
    -- Answers "which of these ids are archived already?" without reading every seed.
    PROJECTION by_id (SELECT event_id ORDER BY event_id),
    -- Answers "how far has each partition come?" from a row per part.
    PROJECTION positions (SELECT topic, partition, max(offset) GROUP BY topic, partition)
)
ENGINE = ${replicated}MergeTree
ORDER BY (seed, occurred_at, event_id)
SETTINGS index_granularity = 1024, ${deduplication_window} = 10000, lightweight_mutation_projection_mode = 'rebuild'
COMMENT 'Every accepted event once, attributed by seed; events_by_profile adds the person';
