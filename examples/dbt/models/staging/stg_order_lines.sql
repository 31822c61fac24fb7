-- What was in these orders: one row per order and product, however many lines it had.
select
    lines.seed as order_key,
    lines.product_id as product_id,
    max(lines.name) as product_name,
    max(lines.category) as category,
    sum(lines.quantity) as quantity,
    sum(lines.quantity * lines.price) as amount
from {{ source('kith', 'order_items') }} as lines
inner join {{ ref('stg_orders') }} as orders on orders.order_key = lines.seed
where lines.product_id != ''
group by order_key, product_id
