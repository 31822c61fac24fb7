"""The two browser SDKs, unchanged, in a real Chromium on a page of another origin than the collector's."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from schemas.event import CanonicalEvent
from tests.e2e.sdks.shop import running_shop
from tests.e2e.sdks.stock import PACKAGES, chromium, package
from tests.parts.collector import Collector

DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36"
SAY = """
  analytics.page('shop', 'Home');
  analytics.identify('u1', {email: ' Jane.Doe@X.fr ', first_name: 'Jane'});
  analytics.track('Product Viewed', {product_id: 'sku-1', emoji: '👟', cut: '\\ud83d'});
  analytics.track('Order Completed', {order_id: '1001', total: 70, currency: 'EUR'});
  analytics.group('g1', {name: 'Acme', email: 'office@acme.example'});
  analytics.alias('u2');
"""
# Runs as root and in small containers too.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
SEGMENT = "@segment/analytics-next/dist/umd/index.js"
RUDDERSTACK = "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of the shop, reached through a campaign; what goes wrong in it fails the test."""
    wrong: list[str] = []
    with (
        running_shop(PACKAGES) as shop,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium(), args=FLAGS) as browser,
    ):
        opened = browser.new_page(user_agent=DESKTOP, locale="fr-FR")
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("requestfailed", lambda request: wrong.append(f"{request.method} {request.url}: {request.failure}"))
        opened.goto(f"{shop}/?utm_source=google&utm_medium=cpc&utm_campaign=spring")
        yield opened
        assert wrong == []


def start(page: Page, library: str, collector: Collector, options: str = "{}") -> None:
    """Load an SDK as `analytics`, with nothing but its host changed."""
    if library == "segment":
        package("@segment/analytics-next")
        page.add_script_tag(url=f"/{SEGMENT}")
        load = "analytics = AnalyticsNext.AnalyticsBrowser.load({writeKey: key, cdnURL: url}, options)"
    else:
        package("@rudderstack/analytics-js")
        page.add_script_tag(url=f"/{RUDDERSTACK}")
        load = "analytics = new rudderanalytics.RudderAnalytics(); "
        load += "analytics.load(key, url, {configUrl: url, ...options})"
    page.evaluate(f"([key, url]) => {{ const options = {options}; {load} }}", [collector.write_key, collector.url])


WAYS = {
    "segment": ("segment", "{}"),
    "segment in batches": (
        "segment",
        "{integrations: {'Segment.io': {deliveryStrategy: {strategy: 'batching', config: {size: 10, timeout: 500}}}}}",
    ),
    "rudderstack": ("rudderstack", "{}"),
    "rudderstack by beacon": ("rudderstack", "{useBeacon: true, beaconQueueOptions: {flushQueueInterval: 500}}"),
}


@pytest.mark.parametrize("way", WAYS)
def test_everything_arrives(collector: Collector, page: Page, way: str) -> None:
    library, options = WAYS[way]
    start(page, library, collector, options)
    page.evaluate(SAY)
    page.wait_for_timeout(1000)
    events = collector.await_events(6)

    assert collector.dead_letters() == []
    assert len(events) == 6, [event["type"] for event in events]
    by_type: dict[str, Any] = {event["type"]: event for event in events if event["event"] != "Order Completed"}
    for event in events:
        CanonicalEvent.model_validate(event)
        assert event["context"]["ip"] == "127.0.0.1"
        assert event["flags"] == []
        assert event["sent_at"] is not None
        assert any(identifier["type"] == "anonymous_id" for identifier in event["identifiers"])
    visit, viewed = by_type["page"], by_type["track"]
    assert visit["event"] == "Home"
    assert visit["context"]["campaign"] == {"source": "google", "medium": "cpc", "name": "spring"}
    assert by_type["identify"]["traits"]["first_name"] == "Jane"
    assert {"type": "email", "value": "jane.doe@x.fr"} in by_type["identify"]["identifiers"]
    assert viewed["properties"]["emoji"] == "👟"
    assert viewed["properties"]["cut"] == "\ufffd"
    assert {"type": "email", "value": "office@acme.example"} not in by_type["group"]["identifiers"]
    assert by_type["alias"]["context"]["previous_id"] == "u1"
    (order,) = (event for event in events if event["channel"] == "order")
    assert {"type": f"order:{collector.source}", "value": "1001"} in order["identifiers"]


def test_a_headless_browser_is_tagged_and_kept(collector: Collector) -> None:
    with (
        running_shop(PACKAGES) as shop,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium(), args=FLAGS) as browser,
    ):
        page = browser.new_page()
        page.goto(shop)
        start(page, "segment", collector)
        page.evaluate("analytics.page()")
        (event,) = collector.await_events(1)
    assert event["flags"] == ["bot"]


def test_the_pixel_is_an_image(collector: Collector, page: Page) -> None:
    page.evaluate(
        """([url, key]) => new Promise((resolve, reject) => {
             const image = new Image();
             image.onload = () => resolve([image.width, image.height]); image.onerror = reject;
             image.src = `${url}/pixel/v1/track?writeKey=${key}&anonymousId=a1&event=Newsletter%20Opened`
               + '&properties=' + encodeURIComponent('{"issue": 7}');
           })""",
        [collector.url, collector.write_key],
    )
    (event,) = collector.await_events(1)
    assert (event["event"], event["properties"]) == ("Newsletter Opened", {"issue": 7})
    assert event["context"]["ip"] == "127.0.0.1"
