-- Which profile a seed belongs to, and from when to when. A strong seed has one slice, unbounded on both sides.
CREATE TABLE IF NOT EXISTS identity_slices ${on_cluster}
(
    seed UUID COMMENT 'Seed of the identifier',
    valid_from DateTime64(3, 'UTC') COMMENT 'Start of the slice, inclusive; 1900-01-01 means unbounded',
    valid_to DateTime64(3, 'UTC') COMMENT 'End of the slice, exclusive; 2299-12-31 23:59:59.999 means unbounded',
    profile_id UUID COMMENT 'Profile that the slice belongs to',
    type LowCardinality(String) COMMENT 'Type of the identifier',
    value String COMMENT 'Normalised value of the identifier',
    version UInt64 COMMENT 'Grows with every record about this seed',
    deleted Bool COMMENT 'This slice exists no longer',
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Of two rows of one slice the greater offset stands'
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY (seed, valid_from)
SETTINGS index_granularity = 512, ${deduplication_window} = 10000
COMMENT 'States of identity slices as published; read the view identity';

-- Every seed that ever belonged to a profile: where to look, never the answer. The slice itself decides.
CREATE TABLE IF NOT EXISTS identity_candidates ${on_cluster}
(
    profile_id UUID COMMENT 'Profile that had the seed at some time',
    seed UUID COMMENT 'Seed to look up in identity_slices'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (profile_id, seed)
SETTINGS index_granularity = 512, ${deduplication_window} = 10000
COMMENT 'Index from profile to seeds, a superset of the truth';

CREATE VIEW IF NOT EXISTS identity ${on_cluster}
(
    seed UUID COMMENT 'Seed of the identifier',
    valid_from DateTime64(3, 'UTC') COMMENT 'Start, inclusive; 1900-01-01 means unbounded',
    valid_to DateTime64(3, 'UTC') COMMENT 'End, exclusive; 2299-12-31 23:59:59.999 means unbounded',
    profile_id UUID COMMENT 'Profile that the seed belongs to in this time',
    type LowCardinality(String) COMMENT 'Type of the identifier',
    value String COMMENT 'Normalised value of the identifier',
    version UInt64 COMMENT 'Grows with every record about this seed'
)
AS SELECT seed, valid_from, valid_to, profile_id, type, value, version
FROM identity_slices FINAL
WHERE NOT deleted
COMMENT 'Which profile a seed belongs to, from (inclusive) to (exclusive); a seed without a row is its own profile';
