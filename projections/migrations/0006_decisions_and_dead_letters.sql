-- Why profiles have the identifiers that they have.
CREATE TABLE IF NOT EXISTS decisions ${on_cluster}
(
    decision_id String COMMENT 'Id of the decision',
    kind LowCardinality(String) COMMENT 'join, split, refuse, shared, link, unlink, release or withdrawn',
    profile_id UUID COMMENT 'Profile that the decision is about',
    other_profile_id Nullable(UUID) COMMENT 'The other profile, if there is one',
    a Tuple(type String, value String) COMMENT 'One identifier',
    b Tuple(type String, value String) COMMENT 'The other identifier; empty if there is none',
    rule LowCardinality(String) COMMENT 'Rule that decided: pair, limit:<type>, shared, operator',
    at DateTime64(3, 'UTC') COMMENT 'Event time of the evidence',
    event_ids Array(UUID) COMMENT 'Events behind it',
    message String COMMENT 'A sentence for people',
    version UInt64 COMMENT 'Position in the evidence log that it follows from',
    raw String COMMENT 'The decision, byte for byte as published' CODEC(ZSTD(1)),
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Offset in the partition',
    PROJECTION positions (SELECT topic, partition, max(offset) GROUP BY topic, partition)
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (profile_id, version, decision_id)
SETTINGS index_granularity = 1024, ${deduplication_window} = 10000, deduplicate_merge_projection_mode = 'rebuild'
COMMENT 'Every merge, split and refused merge with its reason, as published on identity.decisions';

-- What was not accepted.
CREATE TABLE IF NOT EXISTS dead_letters ${on_cluster}
(
    id String COMMENT 'Id of the dead letter',
    source LowCardinality(String) COMMENT 'Source that sent it',
    reason LowCardinality(String) COMMENT 'Stable reason, e.g. no_usable_identifier',
    message String COMMENT 'What was wrong and what would be right',
    at DateTime64(3, 'UTC') COMMENT 'When it was refused',
    payload String COMMENT 'What was sent, as readable text' CODEC(ZSTD(1)),
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Offset in the partition',
    PROJECTION positions (SELECT topic, partition, max(offset) GROUP BY topic, partition)
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (at, id)
SETTINGS index_granularity = 1024, ${deduplication_window} = 10000, deduplicate_merge_projection_mode = 'rebuild'
COMMENT 'What was not accepted, and why, as published on events.rejected';
