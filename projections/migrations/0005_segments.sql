-- Entered and exited, one row per transition.
CREATE TABLE IF NOT EXISTS segment_changes ${on_cluster}
(
    change_id String COMMENT 'Id of the change; the same change always has the same',
    segment_id LowCardinality(String) COMMENT 'Segment',
    segment_version UInt64 COMMENT 'Version of the definition that was in force',
    profile_id UUID COMMENT 'Profile that entered or exited',
    change LowCardinality(String) COMMENT 'entered or exited',
    sequence UInt64 COMMENT '1, 2, 3 per profile and segment; odd: entered',
    at DateTime64(3, 'UTC') COMMENT 'When it became true',
    because String COMMENT 'JSON object: what it follows from',
    published_at DateTime64(3, 'UTC') COMMENT 'When it was published',
    raw String COMMENT 'The change, byte for byte as published' CODEC(ZSTD(1)),
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Offset in the partition',
    PROJECTION positions (SELECT topic, partition, max(offset) GROUP BY topic, partition)
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (segment_id, profile_id, sequence)
SETTINGS index_granularity = 1024, ${deduplication_window} = 10000, deduplicate_merge_projection_mode = 'rebuild'
COMMENT 'Every change of a membership, as published on segments.changes';

CREATE TABLE IF NOT EXISTS membership_states ${on_cluster}
(
    segment_id LowCardinality(String) COMMENT 'Segment',
    profile_id UUID COMMENT 'Profile',
    since DateTime64(3, 'UTC') COMMENT 'When the newest change became true',
    member Bool COMMENT 'The newest change is an entry',
    sequence UInt64 COMMENT 'Of two rows of one pair the greater sequence stands'
)
ENGINE = ${replicated}ReplacingMergeTree(sequence)
ORDER BY (segment_id, profile_id)
SETTINGS index_granularity = 1024, ${deduplication_window} = 10000
COMMENT 'Newest change of each pair of segment and profile; read the view segment_membership';

CREATE VIEW IF NOT EXISTS segment_membership ${on_cluster}
(
    segment_id LowCardinality(String) COMMENT 'Segment',
    profile_id UUID COMMENT 'Profile that is a member',
    since DateTime64(3, 'UTC') COMMENT 'When the person entered'
)
AS SELECT segment_id, profile_id, since
FROM membership_states FINAL
WHERE member
COMMENT 'Who is in which segment, and since when';

CREATE TABLE IF NOT EXISTS definition_states ${on_cluster}
(
    segment_id String COMMENT 'Segment',
    version UInt64 COMMENT 'Version of the definition',
    definition String COMMENT 'JSON object of the definition; empty: deleted',
    updated_at DateTime64(3, 'UTC') COMMENT 'When this version was accepted',
    deleted Bool COMMENT 'The segment exists no longer',
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Of two rows of one segment the greater offset stands'
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY segment_id
SETTINGS ${deduplication_window} = 10000
COMMENT 'States of segment definitions as published; read the view segment_definitions';

CREATE VIEW IF NOT EXISTS segment_definitions ${on_cluster}
(
    segment_id String COMMENT 'Segment',
    version UInt64 COMMENT 'Version of the definition',
    definition String COMMENT 'JSON object of the definition; empty: deleted',
    updated_at DateTime64(3, 'UTC') COMMENT 'When this version was accepted'
)
AS SELECT segment_id, version, definition, updated_at
FROM definition_states FINAL
WHERE NOT deleted
COMMENT 'Newest version of each segment definition';

CREATE TABLE IF NOT EXISTS progress_states ${on_cluster}
(
    segment_id String COMMENT 'Segment',
    unit UInt32 COMMENT 'Partition of the workers that reports',
    version UInt64 COMMENT 'Newest version that this partition has applied to all its people',
    partitions UInt32 COMMENT 'How many partitions have to report before the version is live everywhere',
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Of two rows of one segment and partition the greater offset stands'
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (segment_id, unit)
SETTINGS ${deduplication_window} = 10000
COMMENT 'How far new definitions were applied, as published on segments.progress';
