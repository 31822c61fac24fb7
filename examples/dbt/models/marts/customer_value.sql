-- Amounts of different currencies are never added up, so whoever bought in two has two rows.
with bought as (
    select
        profile_id,
        currency,
        count() as orders,
        sum(gross) as gross,
        sum(refunded) as refunded,
        sum(net) as net,
        min(placed_at) as first_order_at,
        max(placed_at) as last_order_at
    from {{ ref('stg_orders') }}
    group by profile_id, currency
)

select
    bought.profile_id as profile_id,
    bought.currency as currency,
    if(people.first_channel = '', 'direct', people.first_channel) as first_channel,
    people.first_source as first_source,
    people.first_campaign as first_campaign,
    bought.orders as orders,
    bought.gross as gross,
    bought.refunded as refunded,
    bought.net as net,
    bought.net / bought.orders as average_order,
    bought.first_order_at as first_order_at,
    bought.last_order_at as last_order_at,
    dateDiff('day', people.first_seen, bought.first_order_at) as days_to_first_order
from bought
left join {{ ref('stg_people') }} as people on people.profile_id = bought.profile_id
