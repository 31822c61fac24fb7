"""The tag that the documentation shows, in a real Chromium on a page of another origin than the collector's."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.local_stack import LocalStack
from tests.e2e.sdks.shop import running_shop
from tests.e2e.sdks.stock import PACKAGES, chromium
from tests.e2e.sdks.test_browser import DESKTOP, FLAGS
from tests.e2e.shared_stack.vendors.test_webhooks import answer

pytestmark = pytest.mark.e2e

DOCUMENTATION = Path(__file__).parents[4] / "docs/webhooks.md"
PUSH = """
  window.dataLayer = [{event: 'gtm.js'}, {event: 'purchase', ecommerce: {transaction_id: 'T-9', value: 70.5,
    currency: 'EUR', items: [{item_id: 'S-1', item_name: 'Schuhe 👟', price: 35.25, quantity: 2}]}}];
"""


def test_the_documented_tag(stack: LocalStack) -> None:
    (tag,) = re.findall(r"```html\n<script>(.*?)</script>", DOCUMENTATION.read_text(), re.DOTALL)
    for placeholder, value in [
        ("https://<collector>", stack.collector),
        ("<write key>", "wk_test"),
        ("{{Client ID}}", "gtm-1.2"),
        ("{{User ID}}", "gtm-u1"),
    ]:
        assert placeholder in tag
        tag = tag.replace(placeholder, value)
    with (
        running_shop(PACKAGES) as shop,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium(), args=FLAGS) as browser,
    ):
        page = browser.new_page(user_agent=DESKTOP)
        page.goto(shop)
        with page.expect_response(lambda response: "/mp/collect" in response.url) as collected:
            page.evaluate(f"() => {{ {PUSH} {tag} }}")
        assert collected.value.status == 200
        # As Google's tag sends when the page is left.
        seen = f"{stack.collector}/g/collect?v=2&tid=wk_test&cid=gtm-1.2&en=page_view&dt=Home&dl="
        with page.expect_response(lambda response: "/g/collect" in response.url) as collected:
            page.evaluate(
                "url => fetch(url + encodeURIComponent(location), {method: 'POST', mode: 'no-cors', keepalive: true})",
                seen,
            )
        assert collected.value.status == 204
    stack.kith("wait")
    person = answer(stack, "/v1/profiles/user_id:gtm-u1")
    assert (person["orders"]["count"], person["orders"]["revenue"]) == (1, {"EUR": "70.50"})
    assert person["activity"]["page_views"] == 1
    (order,) = answer(stack, "/v1/profiles/user_id:gtm-u1/orders")["items"]
    assert (order["order_id"], order["items"][0]["name"]) == ("T-9", "Schuhe 👟")
