-- Of each period and currency; the cursor is the last pair.
SELECT
    toString(toDate32(dateTrunc({period:String}, toDateTime64(placed_at, 3, {timezone:String})))) AS period,
    currency,
    count(),
    sum(total) AS gross,
    sum(orders.refunded) AS given_back,
    gross - given_back
FROM orders_counted_of(
    start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')},
    channel = {channel:String}, segment = {segment:String}) AS orders
WHERE (period, currency) > ({after_period:String}, {after_currency:String})
GROUP BY period, currency
ORDER BY period, currency
LIMIT {limit:UInt32}
SETTINGS enable_extended_results_for_datetime_functions = 1
