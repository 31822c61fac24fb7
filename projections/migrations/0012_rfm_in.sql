-- RFM of the orders of a time, for a segment's present members; empty text means all.
CREATE VIEW IF NOT EXISTS rfm_in ${on_cluster}
AS WITH people AS
(
    SELECT
        profile_id,
        max(placed_at) AS last_at,
        count() AS orders,
        sum(total - refunded) AS revenue
    FROM orders_counted
    WHERE placed_at >= {start:DateTime64(3, 'UTC')} AND placed_at < {end:DateTime64(3, 'UTC')}
        AND ({segment:String} = ''
            OR profile_id IN (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}))
    GROUP BY profile_id
)
SELECT
    profile_id,
    last_at,
    orders,
    revenue,
    1 + intDiv(5 * (rank() OVER (ORDER BY last_at) - 1), count() OVER ()) AS recency,
    1 + intDiv(5 * (rank() OVER (ORDER BY orders) - 1), count() OVER ()) AS frequency,
    1 + intDiv(5 * (rank() OVER (ORDER BY revenue) - 1), count() OVER ()) AS monetary,
    multiIf(
        recency >= 4 AND frequency + monetary >= 8, 'champions',
        recency >= 4 AND frequency + monetary < 6, 'new',
        recency >= 3, 'loyal',
        frequency + monetary >= 6, 'at_risk',
        'lost') AS segment
FROM people
COMMENT 'Recency, frequency and money of everybody with an order placed in a time, with (start, end, segment)';
