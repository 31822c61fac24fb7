"""One clause at a time as a SQL condition, and the columns that the events have to be aggregated into for it.

Conditions stand over the tables that `segment_sql` lays out: `people` with the parts of the profile as JSON text, and
`happened` with one column per thing that some clause asks of a person's events.
"""

from processors.segments.clauses import (
    All,
    AnyOf,
    Clause,
    Consent,
    Happened,
    Metric,
    Not,
    NotFollowed,
    Reference,
    Selector,
    Trait,
)
from processors.segments.selection import ONCE_PER_ORDER
from projections.segment_values import Parameters, compared, condition, look_up

NOW = "{now:Int64}"
_ZERO = "toDecimal256('0', 38)"


class Clauses:
    """The conditions of one statement: its parameters, event names and aggregated columns."""

    def __init__(self) -> None:
        self.parameters = Parameters()
        self.events: set[str] = set()
        self.columns: dict[str, str] = {}  # aggregate -> its name
        self.references: dict[str, str] = {}  # segment id -> the column that tells membership

    def condition(self, clause: Clause) -> str:
        """Return the condition under which a clause is true at `now`."""
        if isinstance(clause, All | AnyOf):
            word = " AND " if isinstance(clause, All) else " OR "
            return f"({word.join(self.condition(part) for part in clause.clauses)})"
        if isinstance(clause, Not):
            return f"(NOT {self.condition(clause.clause)})"
        if isinstance(clause, Trait):
            raw = look_up("people.traits", clause.name, self.parameters)
            return condition(raw, clause.op, clause.value, NOW, self.parameters)
        if isinstance(clause, Metric):
            return condition(self._metric(clause.path), clause.op, clause.value, NOW, self.parameters)
        if isinstance(clause, Consent):
            return self._consent(clause)
        if isinstance(clause, Reference):
            return self.references.get(clause.segment_id, "false")
        if isinstance(clause, NotFollowed):
            return self._not_followed(clause)
        return self._happened(clause)

    def _metric(self, path: str) -> str:
        group, _, rest = path.partition(".")
        if group == "interests":
            kind, _, name = rest.partition(".")
            scores = f"JSONExtractArrayRaw(people.interests, '{kind}')"
            wanted = f"each -> JSONExtractString(each, 'value') = {self.parameters.text(name)}"
            return f"JSONExtractRaw(arrayFirst({wanted}, {scores}), 'score')"
        keys = ", ".join(self.parameters.text(key) for key in rest.split(".", 1))
        return f"JSONExtractRaw(people.{group}, {keys})"

    def _consent(self, clause: Consent) -> str:
        purpose = self.parameters.text(clause.purpose)
        if clause.op in ("granted", "denied"):
            wanted = "true" if clause.op == "granted" else "false"
            return f"JSONExtractRaw(people.consent, {purpose}, 'granted') = '{wanted}'"
        raw = f"JSONExtractRaw(people.consent, {purpose}, 'at')"
        if clause.value is None:
            raw = f"JSONExtractRaw(people.consent, {purpose})"
        return condition(raw, clause.op, clause.value, NOW, self.parameters)

    def _column(self, aggregate: str) -> str:
        return f"happened.{self.columns.setdefault(aggregate, f'column_{len(self.columns)}')}"

    def _selected(self, selector: Selector) -> str:
        """Return the condition of an event, over the columns of `matched`."""
        self.events.add(selector.event)
        conditions = [f"event = {self.parameters.text(selector.event)}"]
        if selector.channel is not None:
            conditions.append(f"channel = {self.parameters.text(selector.channel)}")
        for where in selector.where:
            raw = look_up("properties", where.property, self.parameters)
            conditions.append(condition(raw, where.op, where.value, "t", self.parameters))
        return " AND ".join(conditions)

    def _held(self, t: str, within: int | None) -> str:
        """Return the condition that the window holds an event at `t`."""
        begun = f"{t} <= {NOW}"
        return begun if within is None else f"{begun} AND {NOW} < {t} + {self.parameters.integer(within)}"

    def _firsts(self, selected: str, tie: str = "''", amount: str = _ZERO) -> str:
        """Return the array of (t, tie, id, order, amount), sorted, of one order the earliest."""
        return self._column(f"once_of(arraySort(groupArrayIf((t, {tie}, id, order_key, {amount}), {selected})))")

    def _happened(self, clause: Happened) -> str:
        selected = self._selected(clause.selector)
        once = clause.selector.event in ONCE_PER_ORDER
        conditions = []
        if clause.count is not None:
            if once:
                quantity = f"arrayCount(each -> {self._held('each.1', clause.within)}, {self._firsts(selected)})"
            else:
                quantity = self._column(f"countIf({selected} AND {self._held('t', clause.within)})")
            conditions.append(compared(quantity, clause.count.op, self.parameters.integer(clause.count.value)))
        if clause.sum is not None:
            number = f"number_of({look_up('properties', clause.sum.property, self.parameters)})"
            amount = f"ifNull({number}, {_ZERO})"
            if once:
                firsts = self._firsts(f"{selected} AND {number} IS NOT NULL", amount=amount)
                held = f"arrayFilter(each -> {self._held('each.1', clause.within)}, {firsts})"
                quantity = f"arraySum(each -> each.5, {held})"
            else:
                quantity = self._column(f"sumIf({amount}, {selected} AND {self._held('t', clause.within)})")
            conditions.append(compared(quantity, clause.sum.op, self.parameters.number(clause.sum.value)))
        return f"({' AND '.join(conditions)})"

    def _latest(self, selector: Selector) -> tuple[str, str]:
        """Return whether there is an event up to now, and (t, message id, id) of the latest."""
        selected = self._selected(selector)
        if selector.event in ONCE_PER_ORDER:
            firsts = f"arrayFilter(each -> each.1 <= {NOW}, {self._firsts(selected, tie='message_id')})"
            last = f"({firsts})[-1]"
            return f"notEmpty({firsts})", f"({last}.1, {last}.2, {last}.3)"
        begun = f"{selected} AND t <= {NOW}"
        return self._column(f"countIf({begun})") + " > 0", self._column(f"maxIf((t, message_id, id), {begun})")

    def _not_followed(self, clause: NotFollowed) -> str:
        happened, latest = self._latest(clause.selector)
        followed, later = self._latest(clause.by)
        due = f"{NOW} >= {latest}.1 + {self.parameters.integer(clause.delay)}"
        ends = ""
        if clause.within is not None:
            ends = f" AND {NOW} < {latest}.1 + {self.parameters.integer(clause.within)}"
        return f"({happened} AND NOT ({followed} AND {later} > {latest}) AND {due}{ends})"
