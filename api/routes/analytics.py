"""`/v1/analytics`: funnels, retention, RFM, revenue, products and segments over time.

Each answer is a view of the projections read with parameters; what is counted is defined there, in
`projections/migrations/`, and told in docs/analytics.md. An answer is kept as long as the data is the same
(`api.versions`).
"""

from fastapi import APIRouter

from api.auth import Authorised
from api.routes import analytics_events, analytics_orders, analytics_segments

router = APIRouter(prefix="/v1/analytics", tags=["analytics"], dependencies=[Authorised])
for each in (analytics_events, analytics_orders, analytics_segments):
    router.include_router(each.router)
