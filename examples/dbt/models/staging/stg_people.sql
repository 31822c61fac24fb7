-- Everybody, with where they came from first. Ids only: no e-mail address or name leaves Kith's own tables, so that an
-- erasure there has nothing to look for here once the marts are built again.
with touched as (
    select
        profile_id,
        first_seen,
        lower(JSONExtractString(acquisition, 'first', 'source')) as source,
        lower(JSONExtractString(acquisition, 'first', 'medium')) as medium,
        JSONExtractString(acquisition, 'first', 'campaign') as campaign,
        lower(JSONExtractString(acquisition, 'first', 'referrer')) as referrer
    from {{ source('kith', 'profiles') }}
)

select
    profile_id,
    first_seen,
    source as first_source,
    medium as first_medium,
    campaign as first_campaign,
    multiIf(
        source = '' and referrer = '', 'direct',
        match(medium, '^(cpc|ppc|retargeting|paid.*)$') or match(source, '^paid'), 'paid',
        medium = 'email' or source in ('email', 'newsletter'), 'email',
        medium in ('social', 'social-network', 'social-media') or source in ('social', 'instagram', 'facebook', 'tiktok', 'x'),
        'social',
        medium = 'organic' or source = 'organic', 'organic search',
        medium = 'affiliate', 'affiliate',
        medium = 'referral' or source = '', 'referral',
        'other'
    ) as first_channel
from touched
