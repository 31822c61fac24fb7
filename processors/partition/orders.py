"""The order's level: one state per order, and the person it belongs to.

An order is a fragment under the seed of its `order:<store>` identifier. Whose it is follows from another seed, its
customer's: the order asks that seed's unit who owns it (`follow`), is told (`owner`), and publishes its own assignment.
Until it has been told it is nobody's, so that it never shows as a person of its own for a moment.

State: `{"id": [type, value], "state": OrderState, "customer": [type, value, at] | null, "owner": profile id | null,
"version": n}`; `version` counts the owners it has had.
"""

from typing import Any

from processors.partition.context import Context
from processors.partition.keys import home_key, order_key, seed_key
from processors.partition.seeds import Seeds
from processors.partition.touch import Touch, everything
from processors.profile import fragment as fragments
from processors.profile import orders
from schemas.codec import SCHEMA_VERSION, dumps
from schemas.identifier import Identifier, seed_of
from schemas.times import to_millis


class Orders:
    """Orders of one unit during a batch."""

    def __init__(self, context: Context, seeds: Seeds) -> None:
        self._context = context
        self._working = context.working
        self._seeds = seeds
        self._changed: dict[str, Touch] = {}

    def event(self, seed: str, event: dict[str, Any], owner: str | None) -> None:
        """Fold an event into the order; `owner` is who owns the event's own seed at its time, if that is another
        seed.
        """
        key = order_key(seed)
        record = self._working.load(key)
        if self._context.masks and self._is_masked(event):
            return
        if record is None:
            identifier = orders.order_of(event)
            assert identifier is not None, "only events about an order are forwarded to it"
            record = {"id": list(identifier), "state": None, "customer": None, "owner": None, "version": 0}
        record["state"] = orders.fold_order(record["state"], event, to_millis(event["occurred_at"]))
        self._working.save(key, record)
        self._changed[seed] = Touch("event", event["event_id"], to_millis(event["occurred_at"]))
        self._follow_customer(seed, record, event["seed"], owner)

    def _is_masked(self, event: dict[str, Any]) -> bool:
        identifier = orders.order_of(event)
        received = to_millis(event["received_at"])
        return identifier is not None and self._context.masks.hides(identifier, received)

    def forget(self, seed: str) -> None:
        """Drop an order whose customer is erased; its fragment is its seed's, and goes with that."""
        record = self._working.load(order_key(seed))
        if record is None:
            return
        self._working.save(order_key(seed), None)
        self._seeds.forget_order(seed)
        self._changed.pop(seed, None)
        topics = self._context.topics
        self._context.send(topics.orders, seed, None)
        ended = {
            "schema_version": SCHEMA_VERSION,
            "seed": seed,
            "type": record["id"][0],
            "value": "",
            "from": None,
            "to": None,
            "profile_id": None,
            "version": record["version"] + 1,
        }
        self._context.send(topics.assignments, seed, dumps(ended))
        self._context.send(topics.assignments, seed, None)

    def _follow_customer(self, seed: str, record: dict[str, Any], sender: str, owner: str | None) -> None:
        found = orders.customer_of(record["state"])
        before = record["customer"]
        if found is None:
            if before is None and record["owner"] is None:
                self._settle_owner(seed, record, seed)
            return
        identifier, at = found
        customer = [identifier.type, identifier.value, at]
        if customer == before:
            return
        record["customer"] = customer
        customer_seed = seed_of(identifier)
        before_seed = None if before is None else seed_of(Identifier(before[0], before[1]))
        if before_seed is not None and before_seed != customer_seed:
            self._context.deliver(before_seed, ["unfollow", seed])
        if customer_seed == sender and owner is not None:
            self._settle_owner(seed, record, owner)
            return
        if record["owner"] is None:
            self._hold(seed, True)
        self._context.deliver(customer_seed, ["follow", seed, at])

    def owner(self, seed: str, customer_seed: str, profile_id: str) -> None:
        """Take in who owns the customer now; news of somebody who is the customer no longer is old."""
        record = self._working.load(order_key(seed))
        if record is None or record["customer"] is None:
            return
        if seed_of(Identifier(record["customer"][0], record["customer"][1])) == customer_seed:
            self._settle_owner(seed, record, profile_id)

    def _hold(self, seed: str, held: bool) -> None:
        state = self._working.load(seed_key(seed)) or {}
        if held:
            state["held"] = True
        else:
            state.pop("held", None)
        self._working.save(seed_key(seed), state)

    def _settle_owner(self, seed: str, record: dict[str, Any], profile_id: str) -> None:
        self._hold(seed, False)
        if record["owner"] == profile_id:
            return
        published = record["owner"] is not None
        record["owner"] = profile_id
        record["version"] += 1
        self._working.save(order_key(seed), record)
        self._changed.setdefault(seed, everything("identity"))
        type_, value = record["id"]
        self._seeds.place(seed, [type_, value], None, None, profile_id)
        if published or profile_id != seed:
            assignment = {
                "schema_version": SCHEMA_VERSION,
                "seed": seed,
                "type": type_,
                "value": value,
                "from": None,
                "to": None,
                "profile_id": profile_id,
                "version": record["version"],
            }
            self._context.send(self._context.topics.assignments, seed, dumps(assignment))

    def publish(self) -> None:
        """Put each changed order into its fragment and publish its newest state."""
        changed, self._changed = self._changed, {}
        for seed, reason in changed.items():
            record = self._working.load(order_key(seed))
            key = home_key(seed)
            home = self._working.load(key) or [None, fragments.empty(), record["id"], {}]
            home[1].update(orders.fragment_of_order(record["state"]))
            self._working.save(key, home)
            self._seeds.touch(seed, reason)
            self._context.send(self._context.topics.orders, seed, dumps(orders.order_record(record["state"], seed)))
