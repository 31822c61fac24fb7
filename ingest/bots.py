"""Which user agents are robots. Robots are tagged, never dropped.

The list is the one that `crawler-user-agents` keeps; the HTTP libraries in it are how servers send, and servers are no
bots.
"""

import re
from functools import lru_cache
from typing import Any, Final

from crawleruseragents import is_crawler

_SERVER_LIBRARIES: Final = re.compile(
    r"^(?:python-requests|python-urllib|python-httpx|aiohttp|axios|okhttp|node-fetch|undici|node|go-http-client|java|"
    r"apache-httpclient|guzzlehttp|php|ruby|faraday|curl|wget|segment|rudder|analytics-)",
    re.IGNORECASE,
)


def is_bot(user_agent: Any) -> bool:
    """Tell whether a user agent is a crawler's, a monitor's or another robot's."""
    return isinstance(user_agent, str) and _is_bot(user_agent)


@lru_cache(maxsize=4096)
def _is_bot(user_agent: str) -> bool:
    return not _SERVER_LIBRARIES.match(user_agent) and bool(is_crawler(user_agent[:1000]))
