"""A pull: what changed in a shop since the last one, handed to the collector as the shop's own webhooks would be.

The collector thus treats a pulled order as a delivered one. How far each kind of object has come is kept after the
collector has acknowledged it; ids follow from the object and its change, so whatever comes twice counts once.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from deploy.local.pulling_asking import Asking
from deploy.local.pulling_shops import PAGE, Resource, identity, moment, shop_of
from ingest.vendors.signature import signature
from schemas.codec import dumps
from schemas.errors import KithError
from schemas.source import Source


class Place(NamedTuple):
    """How far one kind of object has come (ms): `after` now, `complete` when everything had last been read.

    `seen` are the objects that changed at the latter moment itself: others may have changed in it since.
    """

    after: int | None = None
    complete: int | None = None
    seen: Sequence[str] = ()


class Pulled(NamedTuple):
    """What a pull has handed over so far, by kind of object."""

    counts: dict[str, int]


class Delivery(NamedTuple):
    """A webhook as the shop would send it: the address's parameters, the body, its headers, and its id."""

    parameters: dict[str, str]
    body: bytes
    headers: dict[str, str]
    id: str


class Pulling:
    """Pulls one source; where it stands is kept in `folder`. Raises `KithError` for a source that is not pulled."""

    def __init__(self, source: Source, folder: Path, collector: str) -> None:
        self._source = source
        self._shop, self._pull = shop_of(source)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{source.name}.json"
        self._collector = collector
        self._address = f"/v1/webhooks/{source.kind}/{source.name}"
        self._places = self._load()

    async def run(self, report: Callable[[Pulled], None]) -> Pulled:
        """Hand over what changed, calling `report` after each page.

        Raises `KithError` when it cannot go on; the next run continues where this one stopped.
        """
        pulled = Pulled({})
        parts = urlsplit(self._pull.url)
        base, prefix = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        headers = self._shop.headers(self._pull)
        async with (
            Asking("The shop", base, headers, self._pull.requests_per_second) as shop,
            Asking("The collector", self._collector, {}) as collector,
        ):
            for resource in self._shop.resources:
                async for items in self._pages(shop, prefix, resource):
                    pulled.counts[resource.name] = pulled.counts.get(resource.name, 0) + len(items)
                    await asyncio.gather(*(collector.post(self._address, *delivery[:3]) for delivery in items))
                    report(pulled)
        return pulled

    async def _pages(self, shop: Asking, prefix: str, resource: Resource) -> AsyncIterator[list[Delivery]]:
        """Yield what changed, a page at a time; a page counts as handed over when the next one is asked for."""
        place = self._places.get(resource.name, Place())
        after, newest, page = place.after, place.after, 1
        before: set[str] = set()
        latest = set(place.seen)
        while True:
            asked = self._shop.parameters(resource, after, page)
            items = self._shop.items(await shop.get(prefix + resource.path, asked))
            made = {delivery.id: delivery for item in items if (delivery := self._delivery(resource, item, place))}
            yield [delivery for delivery in made.values() if delivery.id not in before]
            before = set(made)
            newest, latest = _newest(newest, latest, items, resource)
            if len(items) < PAGE:
                break
            if resource.since and newest != after:
                # On from the newest change seen: pages counted from a fixed moment do not shift.
                after, page = newest, 1
                self._save(resource, Place(after, place.complete, place.seen))
            else:
                page += 1
        self._save(resource, Place(newest, newest, sorted(latest)))

    def _delivery(self, resource: Resource, item: Mapping[str, Any], place: Place) -> Delivery | None:
        """Return the webhook that says what an object says, or None where it was handed over already."""
        created, changed = moment(item, resource.created), moment(item, resource.changed)
        known = place.complete
        had = str(identity(item)) in place.seen
        if known is not None and changed is not None and (changed < known or (changed == known and had)):
            return None
        is_new = known is None or (created is not None and created >= known)
        topic = resource.created_topic if is_new else resource.topic
        body = dumps(item)
        id_ = f"pull:{resource.name}:{identity(item)}:{'created' if is_new else changed}"
        return Delivery(self._query(topic), body, self._headers(topic, id_, body), id_)

    def _query(self, topic: str) -> dict[str, str]:
        secret = self._source.url_secret
        return {"topic": topic, **({} if secret is None else {"secret": secret.get_secret_value()})}

    def _headers(self, topic: str, delivery: str, body: bytes) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-delivery-id": delivery,
            "x-wc-webhook-signature": signature(self._source, body),
            "x-adobe-commerce-request-id": delivery,
        }

    def _load(self) -> dict[str, Place]:
        try:
            stored = json.loads(self._path.read_bytes())
            return {name: Place(**place) for name, place in stored.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise KithError(f"{self._path} cannot be read: remove it to pull everything again.") from error

    def _save(self, resource: Resource, place: Place) -> None:
        self._places[resource.name] = place
        draft = self._path.with_suffix(".draft")
        draft.write_bytes(dumps({name: known._asdict() for name, known in self._places.items()}))
        draft.replace(self._path)


def _newest(
    known: int | None, latest: set[str], items: list[Mapping[str, Any]], resource: Resource
) -> tuple[int | None, set[str]]:
    """Return the newest change so far, and which objects changed at that moment."""
    for item in items:
        at = moment(item, resource.changed)
        if at is None or (known is not None and at < known):
            continue
        latest = {str(identity(item))} | (latest if at == known else set())
        known = at
    return known, latest
