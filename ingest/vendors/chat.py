"""The names of chats, the same whatever vendor carries them. Segment's live-chat names, seen from the shopper."""

from typing import Any, Final

STARTED: Final = "Live Chat Conversation Started"
# The shopper wrote.
SENT: Final = "Live Chat Message Sent"
# The shop wrote to the shopper.
RECEIVED: Final = "Live Chat Message Received"
ENDED: Final = "Live Chat Conversation Ended"
RATED: Final = "Live Chat Conversation Rated"


def chat_properties(
    conversation_id: str | None,
    message_id: str | None = None,
    body: str | None = None,
    agent_id: str | None = None,
    agent_name: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the properties of a chat event under Segment's names; `agent` is the shop's side."""
    return {
        "conversation_id": conversation_id,
        "message_id": message_id,
        "message_body": body,
        "agent_id": agent_id,
        "agent_name": agent_name,
        **more,
    }
