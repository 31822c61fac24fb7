"""The collector's baseline: a bare Starlette route that parses with orjson, sends each event with aiokafka's `send()`
and waits for all acknowledgements. Nothing is checked, resolved or named.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import uvicorn
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.serving import announce, bind
from schemas.settings import Settings

_OK = b'{"success":true}'


def create_app(bootstrap: str, topic: str) -> Starlette:
    """Return the application; it writes to `topic`."""
    producers: list[AIOKafkaProducer] = []

    async def take(request: Request) -> Response:
        body = orjson.loads(await request.body())
        producer = producers[0]
        sent = [await producer.send(topic, orjson.dumps(event)) for event in body.get("batch", (body,))]
        await asyncio.gather(*sent)
        return Response(_OK, media_type="application/json")

    async def ready(request: Request) -> Response:
        return Response(_OK)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
        await producer.start()
        producers.append(producer)
        yield
        await producer.stop()

    paths = [Route(f"/v1/{path}", take, methods=["POST"]) for path in ("batch", "track", "page", "identify")]
    return Starlette(routes=[*paths, Route("/readyz", ready)], lifespan=lifespan)


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    listener = bind(settings.host, 0)
    announce(listener.getsockname()[1])
    app = create_app(settings.bootstrap, settings.topics.events["web"])
    config = uvicorn.Config(app, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
