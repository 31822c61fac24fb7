-- Answers "which events tell of these orders?", whosever they are, without reading every order event.
ALTER TABLE events ${on_cluster} ADD INDEX IF NOT EXISTS order_ids
    arrayMap(each -> each.2, arrayFilter(each -> startsWith(each.1, 'order:'), identifiers))
    TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE events ${on_cluster} MATERIALIZE INDEX order_ids;
