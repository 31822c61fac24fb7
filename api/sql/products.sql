-- Greatest first; the cursor is the last value and product.
SELECT product_id, name, views, adds, orders, quantity, revenue, value
FROM
(
    SELECT
        *,
        multiIf(
            {by:String} = 'views', toDecimal128(views, 4),
            {by:String} = 'adds', toDecimal128(adds, 4),
            {by:String} = 'orders', toDecimal128(orders, 4),
            revenue) AS value
    FROM product_popularity_of(
        start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')},
    channel = {channel:String}, segment = {segment:String})
)
WHERE {first:Bool}
    OR value < {value:Decimal(38, 4)}
    OR (value = {value:Decimal(38, 4)} AND product_id > {after:String})
ORDER BY value DESC, product_id
LIMIT {limit:UInt32}
