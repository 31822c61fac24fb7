"""What units say to each other in `profiles.inbox`: small JSON lists, the kind first.

A record's key is the receiver (a profile id or a seed), its value `{"schema_version", "to", "items": [item, …]}`. One
unit's items to one receiver arrive in the order in which they were sent.

To a profile:

* `["part", part, [type, value, from, to], fragment, because]`: the newest state of a fragment that you own;
* `["gone", part, new_owner]`: that fragment is yours no longer;
* `["coming", part, old_owner]`: sent before a `part` that moves here from another profile, which will say `handover`;
* `["handover", from_profile, {segment_id: [sequence, since]} | null]`: its memberships, null if it goes on existing;
* `["handed", by_profile, {segment_id: "moved" | "surplus"}]`: the answer to a `handover`.

To a seed:

* `["watch", weak_type, weak_value]`: others log in there too; send all your logins from now on, and those so far;
* `["follow", order_seed, at]` / `["unfollow", order_seed]`: tell the order who owns you at the instant `at`.

To an order (its seed):

* `["order", event, owner | null]`: an event about you, and who owned its seed at its time;
* `["owner", customer_seed, profile_id]`: who owns your customer now.

To a unit (the record's partition says to which):

* `["backfilled", [leaf, …], unit]`: the fragments whose home is there hold the history of these event clauses;
* `["dropped", [leaf, …], unit]`: they hold it no longer;
* `["released", type, value, at]`: evidence that names this identifier from before `at` is forgotten; send what came
  since.
* `["lost", event_id, topic, offset, received]`, from the projector: somebody else's event has this id.

About erasing a person, see `forget` (`request` is a `privacy.Request`, a row `[part, type, value, from, to]`):

* `["forget", request]`, to the seed of its identifier; `["erase", request, part | null]`, to the profile that owns it;
* `["mask", request, profile_id, rows]`, to a unit: forget these; `["again", …]`: fold anew what is left;
* `["forgotten", part]`, to a profile: that fragment's unit has; `["done", request_id, unit, found]`: with all.
"""

from typing import Any

from schemas.codec import SCHEMA_VERSION, dumps

Item = list[Any]

# Receivers of each kind, so that a unit knows which level an item is for.
TO_PROFILE = frozenset({"part", "gone", "coming", "handover", "handed"})
TO_SEED = frozenset({"watch", "follow", "unfollow"})
TO_ORDER = frozenset({"order", "owner"})
TO_UNIT = frozenset({"backfilled", "dropped", "released", "lost"})
OF_ERASURE = frozenset({"forget", "erase", "mask", "again", "forgotten", "done"})


def encode(to: str, items: list[Item]) -> bytes:
    """Return the inbox record's value for `items` to the receiver `to`."""
    return dumps({"schema_version": SCHEMA_VERSION, "to": to, "items": items})
