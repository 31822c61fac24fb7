"""Which event made a field of the profile what it is, where the fragment still knows."""

from processors.profile.fragment import Fragment

Source = tuple[int, str]


def source_of(merged: Fragment, group: str, name: str) -> Source | None:
    """Return time (ms) and id of the event behind a field: a trait (also by a dotted path) or a purpose of consent.

    None for everything else: counters and scores come of many events.
    """
    if group == "consent":
        decision = merged.get("consent", {}).get(name)
        return None if decision is None else (decision[0], decision[3])
    if group == "traits":
        head = name.partition(".")[0]
        for t, _, event_id, written in reversed(merged.get("traits", ())):
            if name in written or head in written:
                return t, event_id
    return None
