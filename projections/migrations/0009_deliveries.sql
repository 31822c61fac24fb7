-- Webhooks that did not get through at once. How far a subscription has come is not here: only its owner needs it.
CREATE TABLE IF NOT EXISTS delivery_states ${on_cluster}
(
    subscription_id String COMMENT 'Subscription',
    change_partition UInt32 COMMENT 'Partition of segments.changes that holds the change',
    change_offset UInt64 COMMENT 'Offset of the change',
    webhook_id String COMMENT 'The webhook-id of every try',
    segment_id LowCardinality(String) COMMENT 'Segment of the change',
    profile_id UUID COMMENT 'Profile that entered or exited',
    sequence UInt64 COMMENT 'Number of the change per profile and segment',
    state LowCardinality(String) COMMENT 'waiting or dead',
    attempts UInt32 COMMENT 'How often it was tried',
    error String COMMENT 'Why the last try failed; empty: waits behind another change of the profile',
    at DateTime64(3, 'UTC') COMMENT 'When it became so',
    due Nullable(DateTime64(3, 'UTC')) COMMENT 'When it is tried next, if by itself',
    deleted Bool COMMENT 'Delivered after all, or let go of',
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Of two rows of one delivery the greater offset stands'
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (subscription_id, change_partition, change_offset)
SETTINGS index_granularity = 1024, ${deduplication_window} = 10000
COMMENT 'Webhooks that wait for another try or are dead, as published; read FINAL and not deleted';
