"""Every vendor by its kind."""

from typing import Final

from ingest.vendors import chatwoot, crisp, generic, intercom, magento, meta, shopify, stripe, woocommerce, x, zendesk
from ingest.vendors.delivery import Vendor

VENDORS: Final[dict[str, Vendor]] = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "magento": magento,
    "stripe": stripe,
    "intercom": intercom,
    "zendesk": zendesk,
    "chatwoot": chatwoot,
    "crisp": crisp,
    "meta": meta,
    "x": x,
    "generic": generic,
}

# What vendors want to read, where it is more than a status of 200. Adobe Commerce waits for an operation to carry out.
ACCEPTED: Final[dict[str, bytes]] = {"magento": b'{"op":"success"}'}
