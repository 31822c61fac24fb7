-- Newest state of each profile, as published on profiles.changelog.
CREATE TABLE IF NOT EXISTS profile_states ${on_cluster}
(
    profile_id UUID COMMENT 'Id of the profile: the seed of its strongest identifier',
    version UInt64 COMMENT 'Version of the published profile; 0 for a profile that ceased',
    raw String COMMENT 'The profile, byte for byte as published' CODEC(ZSTD(1)),
    identifiers Array(Tuple(type String, value String)) COMMENT 'Identifiers listed in the profile',
    traits String COMMENT 'JSON object of the traits' CODEC(ZSTD(1)),
    segments Array(LowCardinality(String)) COMMENT 'Ids of the segments that the person is in',
    deleted Bool COMMENT 'The profile ceased or was erased',
    topic LowCardinality(String) COMMENT 'Topic that the row was read from',
    partition UInt32 COMMENT 'Partition of the topic',
    offset UInt64 COMMENT 'Of two rows of one profile the greater offset stands'
)
ENGINE = ${replicated}ReplacingMergeTree(offset)
ORDER BY profile_id
SETTINGS index_granularity = 128, ${deduplication_window} = 10000
COMMENT 'States of profiles as published; read the view profiles';

CREATE VIEW IF NOT EXISTS profiles ${on_cluster}
(
    profile_id UUID COMMENT 'Id of the profile: the seed of its strongest identifier',
    version UInt64 COMMENT 'Version of the published profile',
    as_of Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the newest event in the profile',
    aliases Array(UUID) COMMENT 'Seeds of the other identifiers: ids that answer with this profile too',
    identifiers Array(Tuple(type String, value String)) COMMENT 'Identifiers listed in the profile',
    traits String COMMENT 'JSON object of the traits',
    segments Array(LowCardinality(String)) COMMENT 'Ids of the segments that the person is in',
    consent String COMMENT 'JSON object: newest decision per purpose',
    orders String COMMENT 'JSON object: count, revenue, refunded, average value, open orders',
    cart String COMMENT 'JSON object: items in the cart',
    activity String COMMENT 'JSON object: events, sessions, page views, bounces, by channel',
    acquisition String COMMENT 'JSON object: first and last touch',
    interests String COMMENT 'JSON object: scores of categories, brands and products',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First activity',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Newest activity',
    raw String COMMENT 'The profile, byte for byte as published'
)
AS SELECT
    profile_id,
    version,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'as_of'), 3, 'UTC') AS as_of,
    JSONExtract(raw, 'aliases', 'Array(UUID)') AS aliases,
    identifiers,
    traits,
    segments,
    JSONExtractRaw(raw, 'consent') AS consent,
    JSONExtractRaw(raw, 'orders') AS orders,
    JSONExtractRaw(raw, 'cart') AS cart,
    JSONExtractRaw(raw, 'activity') AS activity,
    JSONExtractRaw(raw, 'acquisition') AS acquisition,
    JSONExtractRaw(raw, 'interests') AS interests,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'activity', 'first_seen'), 3, 'UTC') AS first_seen,
    parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'activity', 'last_seen'), 3, 'UTC') AS last_seen,
    raw
FROM profile_states FINAL
WHERE NOT deleted
COMMENT 'One row per person: the newest published profile, its parts as JSON text, raw as published';
