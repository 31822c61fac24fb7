-- What became of dead letters that went in again.
CREATE TABLE IF NOT EXISTS dead_letter_replays ${on_cluster}
(
    id String COMMENT 'Id of the dead letter',
    at DateTime64(3, 'UTC') COMMENT 'When it was replayed',
    source LowCardinality(String) COMMENT 'Source of the dead letter',
    outcome LowCardinality(String) COMMENT 'accepted or rejected',
    event_ids Array(UUID) COMMENT 'Events that it became',
    reason LowCardinality(String) COMMENT 'Why it was rejected again; empty if it was accepted',
    message String COMMENT 'A sentence for people',
    corrected Bool COMMENT 'Whether a person had changed the payload',
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Offset in the partition',
    PROJECTION positions (SELECT topic, partition, max(offset) GROUP BY topic, partition)
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (id, at)
SETTINGS index_granularity = 1024, ${deduplication_window} = 10000, deduplicate_merge_projection_mode = 'rebuild'
COMMENT 'Every replay of a dead letter and its outcome, as published on events.replays';

-- Dead letters stay as long as in the topic: 30 days. They may hold what people wrote.
ALTER TABLE dead_letters ${on_cluster} MODIFY TTL toDateTime(at) + INTERVAL 30 DAY;
ALTER TABLE dead_letter_replays ${on_cluster} MODIFY TTL toDateTime(at) + INTERVAL 30 DAY;

-- Answers "what has each source sent, and when last?" from a row per part and source.
ALTER TABLE events ${on_cluster} ADD PROJECTION IF NOT EXISTS by_source
(
    SELECT source, channel, count(), max(received_at) GROUP BY source, channel
);
ALTER TABLE events ${on_cluster} MATERIALIZE PROJECTION by_source;
