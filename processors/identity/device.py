"""What the writer knows about a weak identifier: who logged in on it when, and whose it was published to be.

Called a device, because that is what a cookie or a device id stands for: a thing that several people may use in turn.
Logins are kept as *runs*: of logins of one identifier that follow each other the first and the last. When somebody
else's login turns up inside a run, what lies between has to be asked for again; nothing else is ever missed.
"""

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import Final

from processors.identity.grouping import Moment, Node
from processors.identity.slices import Cut, extend


class User:
    """A strong identifier that logged in on a device, with what its component said about it last."""

    __slots__ = ("owner", "released", "shared", "watched")

    def __init__(self) -> None:
        self.owner: Node | None = None
        self.released: int | None = None
        self.shared = False
        self.watched = False  # its unit sends every login, because others log in here too


class Run:
    """Logins of one identifier without another's in between."""

    __slots__ = ("first", "last", "user")

    def __init__(self, first: Moment, last: Moment, user: Node) -> None:
        self.first = first
        self.last = last
        self.user = user


_FIRST: Final = attrgetter("first")
_START: Final = attrgetter("start")


class Device:
    """A weak identifier."""

    __slots__ = (
        "asked",
        "chunks",
        "contested",
        "known",
        "recut_from",
        "released",
        "runs",
        "shared_at",
        "slices",
        "users",
        "weak",
    )

    def __init__(self, weak: Node) -> None:
        self.weak = weak
        self.known = False  # some event carries it; otherwise only alias calls have named it
        self.asked = False
        self.contested = False  # different people log in: every login matters
        self.shared_at: Moment | None = None  # the login that made it shared; None: it is not
        self.released: int | None = None
        self.users: dict[Node, User] = {}
        self.runs: list[Run] = []  # in order of their first logins
        self.slices: list[Cut] = []  # as published
        self.chunks = 0  # how many records hold the runs
        self.recut_from: int | None = None  # the first run that has changed since then; None: none has

    def log_in(self, identifier: Node, when: Moment) -> Node | None:
        """Take a login in. Return the identifier whose run it cuts, if what lies between is to be asked for."""
        runs = self.runs
        place = bisect_right(runs, when, key=_FIRST) - 1
        run = runs[place] if place >= 0 else None
        if run is not None and run.user == identifier:
            if when > run.last:
                run.last = when
                self._changed(place)
            return None
        cut = run if run is not None and when < run.last else None
        if cut is not None:
            # The later part of the run begins somewhere before its last login; where, only its unit knows.
            runs.insert(place + 1, Run(cut.last, cut.last, cut.user))
            cut.last = cut.first
        if place + 1 < len(runs) and runs[place + 1].user == identifier:
            runs[place + 1].first = when
        else:
            runs.insert(place + 1, Run(when, when, identifier))
        self._changed(place + 1 if cut is None else place)
        return None if cut is None else cut.user

    def become_known(self) -> None:
        """Some event carries the identifier."""
        self.known = True
        self._changed(0)

    def become_shared(self, when: Moment) -> None:
        """Whose logins they were is of no consequence any more."""
        self.shared_at = when
        self.runs, self.users = [], {}
        self._changed(0)

    def release(self, at: int) -> None:
        """Forget what was before the instant `at`; what came after is sent again."""
        self.released, self.shared_at = at, None
        self._forget(at, None)
        users = {run.user for run in self.runs}
        self.users = {identifier: user for identifier, user in self.users.items() if identifier in users}

    def forget_user(self, identifier: Node) -> None:
        """Forget that a strong identifier ever logged in."""
        if self.users.pop(identifier, None) is not None:
            self.runs = [run for run in self.runs if run.user != identifier]
            self._changed(0)

    def forget(self) -> None:
        """Forget everything, also what was published."""
        self.known = self.asked = self.contested = False
        self.shared_at = self.released = None
        self.runs, self.users, self.slices = [], {}, []
        self._changed(0)

    @property
    def blank(self) -> bool:
        """Tell whether there is nothing to be kept about it."""
        return not (self.known or self.asked or self.users or self.shared_at or self.released is not None)

    def look_up(self, identifier: Node, owner: Node | None, released: int | None, shared: bool) -> None:
        """Take over from its component what matters about a user."""
        user = self.users.get(identifier)
        if user is None or (user.owner, user.released, user.shared) == (owner, released, shared):
            return
        if released != user.released and released is not None:
            self._forget(released, identifier)
        user.owner, user.released, user.shared = owner, released, shared
        self._changed(0)

    def recut(self) -> tuple[list[Cut], list[Cut]]:
        """Cut the time line anew; return the slices before and now, from the first on that may differ."""
        first, runs, kept = 0, self.runs if self.known else [], list[Cut]()
        place = self.recut_from
        if self.shared_at is None and place and runs and self.slices and not self.users[runs[0].user].shared:
            # Slices that begin before the first run that has changed stay; the last of them may end elsewhere.
            t = runs[place].first[0]
            begin = bisect_left(runs, (t, "", ""), key=_FIRST)
            if begin:
                first = bisect_left(self.slices, t, lo=1, key=_START) - 1
                runs, kept = runs[begin:], [self.slices[first]]
        counted = ((run.first[0], self.users[run.user], run.user) for run in runs)
        now = extend(kept, ((t, user.owner or identifier) for t, user, identifier in counted if not user.shared))
        if self.known and self.shared_at is not None:
            now = [Cut(None, self.weak)]
        before = self.slices[first:]
        self.slices[first:] = now
        return before, now

    def _forget(self, at: int, identifier: Node | None) -> None:
        """Forget logins from before an instant, of one identifier or of all."""
        kept = []
        for run in self.runs:
            if identifier in (None, run.user) and run.first[0] < at:
                if run.last[0] < at:
                    continue
                run.first = run.last
            kept.append(run)
        kept.sort(key=_FIRST)
        self.runs = kept
        self._changed(0)

    def _changed(self, place: int) -> None:
        self.recut_from = place if self.recut_from is None else min(place, self.recut_from)
