"""X: mentions, messages, follows and likes of an account, each an event of its own.

The address is proven by a challenge (`GET ?crc_token=`); a delivery is signed with
`x-twitter-webhooks-signature: sha256=base64` over the raw body under the app's consumer secret.
https://docs.x.com/x-api/account-activity
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingest.vendors.chat import RECEIVED, SENT, chat_properties
from ingest.vendors.delivery import GET, Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, track
from ingest.vendors.reading import first, instant, obj, rows, text
from ingest.vendors.signature import is_signed, signature
from ingest.vendors.social import FOLLOWED, MENTIONED, REACTED, UNFOLLOWED
from schemas.codec import dumps
from schemas.source import Source

_READ: Final = ("tweet_create_events", "direct_message_events", "follow_events", "favorite_events")
_SILENT: Final = (
    "tweet_delete_events",
    "direct_message_indicate_typing_events",
    "direct_message_mark_read_events",
    "block_events",
    "mute_events",
)


def verify(delivery: Delivery) -> bool:
    """Tell whether X signed the body."""
    scheme, _, given = delivery.headers.get("x-twitter-webhooks-signature", "").partition("=")
    return scheme == "sha256" and is_signed(delivery.source, delivery.body, [given], form="base64")


def handshake(delivery: Delivery) -> Handshake | None:
    """Return the answer to X's challenge, which only somebody with the consumer secret can give."""
    token = delivery.query.get("crc_token")
    if delivery.method != GET or token is None:
        return None
    answer = "sha256=" + signature(delivery.source, token.encode("utf-8", "surrogatepass"))
    return Handshake(200, dumps({"response_token": answer}), "application/json")


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return the first kind of activity in the delivery; a delivery holds one kind."""
    keys = list(content) if isinstance(content, Mapping) else []
    name = next((key for key in (*_READ, *_SILENT) if key in keys), None)
    return Topic(name or next((key for key in keys if key.endswith(("_events", "_event"))), ""), delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what the delivery's activities say; None for a kind that is not understood."""
    if not any(key in content for key in _READ):
        return [] if any(key in content for key in _SILENT) else None
    account = text(content, "for_user_id")
    return [
        *_mentions(content, account),
        *_messages(content, account),
        *_follows(content, account),
        *_likes(content, account),
    ]


def _mentions(content: Mapping[str, Any], account: str | None) -> Iterator[Message]:
    """Posts of others that speak of the account; what the account posts itself is nobody's doing here."""
    for post in rows(content, "tweet_create_events"):
        user = obj(post, "user")
        if _id(user) == account:
            continue
        own = _id(post)
        properties = {
            "network": "x",
            "account_id": account,
            "post_id": own,
            "body": first(text(post, "extended_tweet", "full_text"), text(post, "text")),
            "user_name": text(user, "screen_name"),
            "is_reply": True if text(post, "in_reply_to_user_id_str") == account else None,
            "is_repost": True if obj(post, "retweeted_status") else None,
        }
        happened = instant(first(post.get("timestamp_ms"), post.get("created_at")))
        yield track(MENTIONED, _person(_id(user)), properties, happened, f"post:{own}")


def _messages(content: Mapping[str, Any], account: str | None) -> Iterator[Message]:
    for each in rows(content, "direct_message_events"):
        message, own = obj(each, "message_create"), text(each, "id")
        if not message:
            continue
        sender, recipient = text(message, "sender_id"), text(message, "target", "recipient_id")
        by_shop = sender == account
        shopper = recipient if by_shop else sender
        body = text(message, "message_data", "text")
        properties = chat_properties(f"{account}:{shopper}", own, body, network="x", account_id=account)
        happened = instant(each.get("created_timestamp"))
        yield track(RECEIVED if by_shop else SENT, _person(shopper), properties, happened, f"message:{own}")


def _follows(content: Mapping[str, Any], account: str | None) -> Iterator[Message]:
    for each in rows(content, "follow_events"):
        follower, followed = _id(obj(each, "source")), _id(obj(each, "target"))
        if follower == account:
            continue
        kind, at = text(each, "type") or "follow", text(each, "created_timestamp")
        properties = {"network": "x", "account_id": followed, "user_name": text(each, "source", "screen_name")}
        name = UNFOLLOWED if kind == "unfollow" else FOLLOWED
        yield track(name, _person(follower), properties, instant(at), f"{kind}:{follower}:{followed}:{at}")


def _likes(content: Mapping[str, Any], account: str | None) -> Iterator[Message]:
    for each in rows(content, "favorite_events"):
        user = obj(each, "user")
        if _id(user) == account:
            continue
        own = text(each, "id") or f"{_id(user)}:{_id(obj(each, 'favorited_status'))}"
        properties = {
            "network": "x",
            "account_id": account,
            "post_id": _id(obj(each, "favorited_status")),
            "reaction": "like",
            "user_name": text(user, "screen_name"),
        }
        happened = instant(first(each.get("timestamp_ms"), each.get("created_at")))
        yield track(REACTED, _person(_id(user)), properties, happened, f"like:{own}")


def _person(user_id: str | None) -> Person:
    return Person(ids=(("x", user_id),))


def _id(holder: Mapping[str, Any]) -> str | None:
    """Return an id from its text: as a number it is beyond what JavaScript keeps exact."""
    return text(holder, "id_str") or text(holder, "id")
