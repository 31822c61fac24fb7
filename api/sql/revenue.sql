-- Of each period and currency; the cursor is the last pair.
SELECT
    toString(toDate32(dateTrunc({period:String}, toDateTime64(placed_at, 3, {timezone:String})))) AS period,
    currency,
    count(),
    sum(total) AS gross,
    sum(orders_counted.refunded) AS given_back,
    gross - given_back
FROM orders_counted
WHERE placed_at >= {start:DateTime64(3, 'UTC')} AND placed_at < {end:DateTime64(3, 'UTC')}
    AND ({segment:String} = ''
        OR profile_id IN (SELECT profile_id FROM segment_membership WHERE segment_id = {segment:String}))
    AND (period, currency) > ({after_period:String}, {after_currency:String})
GROUP BY period, currency
ORDER BY period, currency
LIMIT {limit:UInt32}
SETTINGS enable_extended_results_for_datetime_functions = 1
