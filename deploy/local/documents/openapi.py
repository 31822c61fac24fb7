"""`docs/openapi/*.json`: what the collector and the API themselves answer at `/openapi.json`."""

import json

from starlette.testclient import TestClient
from starlette.types import ASGIApp

from api.app import create_app as create_api
from ingest.app import create_app as create_collector
from schemas.settings import Settings


def documents() -> dict[str, str]:
    """Return both documents. Neither application is started."""
    settings = Settings.model_construct(
        **Settings(api_tokens="none", write_keys="none").model_dump() | {"sources": None}
    )
    return {
        "openapi/collector.json": _described(create_collector(settings)),
        "openapi/api.json": _described(create_api(settings)),
    }


def _described(app: ASGIApp) -> str:
    # Outside of a `with`, the client does not start the application.
    document = TestClient(app).get("/openapi.json").json()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
