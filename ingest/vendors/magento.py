"""Magento and Adobe Commerce: orders, credit memos, shipments, invoices and customers.

Adobe Commerce's webhooks are signed with `x-adobe-commerce-webhook-signature`, base64 of RSA-SHA256 over the raw body,
where the shop has set that up; otherwise the address holds a secret. They do not name their topic, and the shop chooses
the fields: it stands in the address (`?topic=order`), or follows from what the body holds. Open-source Magento is polled
over REST, whose objects are the same.
https://developer.adobe.com/commerce/extensibility/webhooks/
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import at, compact, first, instant, obj, rows, text
from ingest.vendors.signature import knows_url_secret
from processors.profile.amounts import amount_of, amount_text
from schemas.source import Source
