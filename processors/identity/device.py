"""What the writer knows about a weak identifier: the logins on it, and the slices that it last published.

Called a device, because that is what a cookie or a device id stands for: a thing that several people may use in turn.
"""

from bisect import bisect_left
from typing import Final

from processors.identity.grouping import Moment
from processors.identity.slices import Cut
from schemas.codec import dumps, loads
from schemas.identifier import Identifier

_KNOWN: Final = 1
_SHARED: Final = 2
_ASKED: Final = 4


class User:
    """A strong identifier that logged in on a device, with what its component said about it last."""

    __slots__ = ("owner", "released", "shared", "watched")

    def __init__(self) -> None:
        self.owner: Identifier | None = None
        self.released: int | None = None
        self.shared = False
        self.watched = False  # its unit sends every login, because others log in here too


class Device:
    """A weak identifier."""

    __slots__ = ("asked", "known", "logins", "released", "shared", "shared_at", "slices", "users", "weak")

    def __init__(self, weak: Identifier) -> None:
        self.weak = weak
        self.known = False
        self.shared = False
        self.asked = False
        self.shared_at: Moment | None = None  # the login that made it so
        self.released: int | None = None
        self.users: dict[Identifier, User] = {}
        self.logins: list[tuple[int, str, str, Identifier]] = []  # (t, message_id, event_id, user), in this order
        self.slices: list[Cut] = []  # as published

    def add(self, user: Identifier, when: Moment) -> bool:
        """Remember a login; tell whether it was new."""
        login = (*when, user)
        place = bisect_left(self.logins, login)
        if place < len(self.logins) and self.logins[place] == login:
            return False
        self.logins.insert(place, login)
        if user not in self.users:
            self.users[user] = User()
        return True

    def share(self, when: Moment) -> None:
        """Become shared by a login: whose logins they were is of no consequence any more."""
        self.shared = True
        self.shared_at = when
        self.logins, self.users = [], {}

    def release(self, at: int) -> None:
        """Forget the logins from before the instant `at`."""
        self.released = at
        self.shared, self.shared_at = False, None
        self.logins = [login for login in self.logins if login[0] >= at]
        remaining = {login[3] for login in self.logins}
        self.users = {identifier: user for identifier, user in self.users.items() if identifier in remaining}

    def encode(self) -> bytes:
        """Return the record of this device; users stand in order, and elsewhere by their place in it."""
        users = sorted(self.users)
        place = {identifier: index for index, identifier in enumerate(users)}
        return dumps(
            [
                _KNOWN * self.known + _SHARED * self.shared + _ASKED * self.asked,
                self.released,
                self.shared_at,
                [
                    [*identifier, user.owner and list(user.owner), user.released, user.shared, user.watched]
                    for identifier in users
                    for user in (self.users[identifier],)
                ],
                [[t, message_id, event_id, place[user]] for t, message_id, event_id, user in self.logins],
                [[start, *owner] for start, owner in self.slices],
            ]
        )

    @classmethod
    def decode(cls, weak: Identifier, record: bytes) -> "Device":
        """Return the device that `encode` made a record of."""
        device = cls(weak)
        flags, device.released, shared_at, users, logins, slices = loads(record)
        device.known, device.shared, device.asked = bool(flags & _KNOWN), bool(flags & _SHARED), bool(flags & _ASKED)
        device.shared_at = None if shared_at is None else (shared_at[0], shared_at[1], shared_at[2])
        identifiers = []
        for type_, value, owner, released, shared, watched in users:
            identifiers.append(Identifier(type_, value))
            user = device.users[identifiers[-1]] = User()
            user.owner = None if owner is None else Identifier(*owner)
            user.released, user.shared, user.watched = released, shared, watched
        device.logins = [(t, message_id, event_id, identifiers[user]) for t, message_id, event_id, user in logins]
        device.slices = [Cut(start, Identifier(type_, value)) for start, type_, value in slices]
        return device
