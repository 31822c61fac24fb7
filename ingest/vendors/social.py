"""The names of what people do on social networks, the same whatever network it is."""

from typing import Final

COMMENTED: Final = "Comment Posted"
MENTIONED: Final = "Brand Mentioned"
REACTED: Final = "Reaction Added"
UNREACTED: Final = "Reaction Removed"
FOLLOWED: Final = "Account Followed"
UNFOLLOWED: Final = "Account Unfollowed"
