with customers as (
    select
        value.first_channel as first_channel,
        value.currency as currency,
        count() as customers,
        countIf(value.orders > 1) as returning_customers,
        sum(value.orders) as orders,
        sum(value.net) as net
    from {{ ref('customer_value') }} as value
    group by first_channel, currency
),

people as (
    select first_channel, count() as people
    from {{ ref('stg_people') }}
    group by first_channel
)

select
    customers.first_channel as first_channel,
    customers.currency as currency,
    people.people as people,
    customers.customers as customers,
    customers.customers / greatest(people.people, customers.customers) as conversion,
    customers.returning_customers / customers.customers as repeat_rate,
    customers.orders as orders,
    customers.net as net,
    customers.net / customers.customers as lifetime_value,
    customers.net / customers.orders as average_order
from customers
left join people on people.first_channel = customers.first_channel
order by currency, net desc
