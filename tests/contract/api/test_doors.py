"""Who may come in, and how every refusal looks."""

import re

import pytest

from tests.parts.api import Api

OPEN = ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")


@pytest.mark.parametrize("path", OPEN)
def test_what_needs_no_token(api: Api, path: str) -> None:
    assert api.get(path, authorization="").status == 200


def test_the_documentation_needs_no_other_host(api: Api) -> None:
    page = api.get("/docs", authorization="").body.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 3
    for path in loaded:
        assert path.startswith("/"), path
        assert api.get(path, authorization="").status == 200, path


def test_everything_else_needs_one(api: Api) -> None:
    paths = api.get("/openapi.json").json["paths"]
    assert len(paths) > 15
    for path, methods in paths.items():
        if path in OPEN:
            continue
        for method, description in methods.items():
            asked = path.replace("{key}", "user_id:u1").replace("{id}", "x")
            for authorization in ("", "Basic eDp5", "Bearer", "Bearer wrong", "Bearer test-token2"):
                answer = api.ask(method.upper(), asked, authorization=authorization)
                assert (answer.status, answer.json["type"]) == (401, "urn:kith:unauthorized"), (method, path)
                assert answer.headers["www-authenticate"] == "Bearer"
            assert description["security"], (method, path)
            assert description.get("summary"), (method, path)
            assert "401" in description["responses"], (method, path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/nowhere", 404),
        ("DELETE", "/v1/profiles/user_id:u1", 405),
        ("GET", "/v1/query", 405),
        ("GET", "/v1/profiles?limit=100000", 422),
        ("GET", "/v1/profiles?limit=x", 422),
        ("GET", "/v1/dead-letters?cursor=x", 400),
        ("GET", "/v1/dead-letters/nothing", 404),
        ("GET", "/v1/analytics/funnel", 422),
        ("GET", "/v1/analytics/funnel?steps=a&within=soon", 400),
        ("GET", "/v1/analytics/revenue?from=yesterday", 400),
        ("GET", "/v1/analytics/rfm?as_of=2026-13-01", 400),
        ("GET", "/v1/segments", 503),
        ("GET", "/v1/segments/changes", 503),
    ],
)
def test_a_refusal_is_a_problem_with_a_sentence(api: Api, method: str, path: str, status: int) -> None:
    answer = api.ask(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) >= {"type", "title", "status", "detail"}
    assert answer.json["status"] == status
    if status == 503:
        assert int(answer.headers["retry-after"]) >= 1


def test_metrics_name_routes_and_never_paths(api: Api) -> None:
    api.get("/v1/profiles/email:jane.doe@x.fr")
    text = api.get("/metrics").body.decode()
    assert 'kith_api_requests_total{route="/v1/profiles/{key}"' in text
    assert "jane" not in text
