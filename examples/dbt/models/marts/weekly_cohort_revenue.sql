-- A cohort is everybody whose first order of a currency was placed in the week that begins on that Monday (UTC).
with placed as (
    select
        profile_id,
        currency,
        net,
        toMonday(placed_at, 'UTC') as week,
        min(toMonday(placed_at, 'UTC')) over (partition by profile_id, currency) as cohort_week
    from {{ ref('stg_orders') }}
),

weekly as (
    select
        cohort_week,
        currency,
        dateDiff('week', cohort_week, week) as week_number,
        uniqExact(profile_id) as customers,
        count() as orders,
        sum(net) as net
    from placed
    group by cohort_week, currency, week_number
)

select
    cohort_week,
    currency,
    week_number,
    max(customers) over cohort as cohort_size,
    customers,
    customers / cohort_size as retention,
    orders,
    net,
    sum(net) over (partition by cohort_week, currency order by week_number) as cumulative_net,
    cumulative_net / cohort_size as cumulative_net_per_customer
from weekly
window cohort as (partition by cohort_week, currency)
order by currency, cohort_week, week_number
