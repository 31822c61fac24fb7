-- Rows are wrong: a mart whose net of a currency is not that of the orders.
with known as (
    select currency, sum(net) as net from {{ ref('stg_orders') }} group by currency
),

found as (
    select 'customer_value' as mart, currency, sum(net) as net from {{ ref('customer_value') }} group by currency
    union all
    select 'lifetime_value_by_channel', currency, sum(net) from {{ ref('lifetime_value_by_channel') }} group by currency
    union all
    select 'weekly_cohort_revenue', currency, sum(net) from {{ ref('weekly_cohort_revenue') }} group by currency
)

select marts.mart as mart, known.currency as currency, known.net as expected, found.net as net
from (select distinct mart from found) as marts
cross join known
left join found on found.mart = marts.mart and found.currency = known.currency
where found.net != known.net
