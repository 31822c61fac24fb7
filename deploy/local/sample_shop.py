"""The sample shop: a deterministic month and a half of web, order, chat and social messages.

Pure: the same base time gives the same messages, with the same ids. `sample_shop_stories` has the people whom the demo
talks about, `sample_shop_crowd` everybody else, `sample_shop_diary` what a message of each source looks like.
"""

from deploy.local.sample_shop_crowd import crowd
from deploy.local.sample_shop_diary import CHAT, SHOP, SOCIAL, WEB, Sample
from deploy.local.sample_shop_stories import stories
from schemas.event import Channel

# The shop's sources, each with the channel of events whose name decides none.
CHANNEL_OF: dict[str, Channel] = {WEB: "web", SHOP: "order", CHAT: "chat", SOCIAL: "social"}


def sample_shop(base: int) -> list[Sample]:
    """Return all messages in the order of their times, none after `base` (milliseconds since 1970)."""
    return sorted([*stories(base), *crowd(base)], key=lambda sample: (sample.at, sample.message["messageId"]))
