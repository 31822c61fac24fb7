-- Orders that count, one row each, with whoever they belong to today.
select
    seed as order_key,
    order_id,
    store,
    profile_id,
    status,
    currency,
    total as gross,
    refunded,
    total - refunded as net,
    placed_at
from {{ source('kith', 'orders_counted') }}
