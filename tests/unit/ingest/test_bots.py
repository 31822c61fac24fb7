"""Robots are told from browsers and from servers."""

import pytest

from ingest.bots import is_bot


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/146.0.0.0 Safari/537.36",
        "facebookexternalhit/1.1",
    ],
)
def test_bots(agent: str) -> None:
    assert is_bot(agent)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "python-requests/2.34.2",
        "axios/1.8.0",
        "okhttp/4.12.0",
        "analytics-python/2.4.0",
        "analytics-node/3.1.0",
        "Go-http-client/2.0",
        "curl/8.0",
        "",
        None,
        5,
        ["Googlebot"],
    ],
)
def test_people_and_servers(agent: object) -> None:
    assert not is_bot(agent)


def test_a_very_long_agent_is_read_in_no_time() -> None:
    assert not is_bot("Mozilla/5.0 " + "a" * 1_000_000)
