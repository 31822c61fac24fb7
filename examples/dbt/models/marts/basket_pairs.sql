-- Which products are bought together. The pair stands once, the lesser product id first.
{% set fewest_orders = var('fewest_orders_of_a_pair', 2) %}
with lines as (
    select order_key, product_id, product_name
    from {{ ref('stg_order_lines') }}
),

products as (
    select product_id, max(product_name) as name, count() as orders
    from lines
    group by product_id
),

pairs as (
    select a.product_id as product_a, b.product_id as product_b, count() as orders
    from lines as a
    inner join lines as b on a.order_key = b.order_key
    where a.product_id < b.product_id
    group by product_a, product_b
    having orders >= {{ fewest_orders }}
),

baskets as (
    select uniqExact(order_key) as orders from lines
)

select
    pairs.product_a as product_a,
    first_product.name as name_a,
    pairs.product_b as product_b,
    second_product.name as name_b,
    pairs.orders as orders,
    pairs.orders / baskets.orders as support,
    pairs.orders / first_product.orders as confidence_a_b,
    pairs.orders / second_product.orders as confidence_b_a,
    pairs.orders * baskets.orders / (first_product.orders * second_product.orders) as lift
from pairs
inner join products as first_product on first_product.product_id = pairs.product_a
inner join products as second_product on second_product.product_id = pairs.product_b
cross join baskets
order by lift desc, product_a, product_b
