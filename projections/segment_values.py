"""How a JSON value compares, in ClickHouse's SQL: the same meanings as `processors.segments.comparison`, word for word.

A value is a SQL expression of the raw JSON text as `JSONExtractRaw` gives it: `''` and `null` are missing, and its
first character tells its type. Everything a definition names becomes a parameter; expressions are made of our own
words only.
"""

from decimal import Decimal
from typing import Any

from processors.segments.clauses import Instant, Operand, Scalar, Span
from processors.segments.comparison import DECIMAL_TEXT, DECIMALS, INSTANT_TEXT, WHOLE_DIGITS, number

# Lambdas of the statement: raw JSON to text, to a number, to milliseconds, null where it is none; and of the entries of
# orders, sorted by time, the first of each.
FUNCTIONS = f"""\
(raw -> if(startsWith(raw, '"'), JSONExtractString(raw), NULL)) AS text_of,
(raw -> multiIf(
    match(raw, '^"{DECIMAL_TEXT}"$'), toDecimal256OrNull(substring(raw, 2, length(raw) - 2), {DECIMALS}),
    NOT match(raw, '^[-0-9]'), NULL,
    toFloat64OrZero(raw) = 0 OR (abs(toFloat64OrZero(raw)) >= 1e-21 AND abs(toFloat64OrZero(raw)) < 1e{WHOLE_DIGITS}),
    toDecimal256OrNull(raw, {DECIMALS}),
    NULL)) AS number_of,
(parts -> if(
    empty(parts) OR toString(toDate32OrZero(parts[1])) != parts[1],
    NULL,
    (toInt64(toDate32OrZero(parts[1])) * 86400 + toInt64OrZero(parts[2]) * 3600 + toInt64OrZero(parts[3]) * 60
        + toInt64OrZero(parts[4])
        - if(parts[6] = '-', -1, 1) * (toInt64OrZero(parts[7]) * 3600 + toInt64OrZero(parts[8]) * 60)) * 1000
        + toInt64OrZero(substring(concat(parts[5], '000'), 1, 3)))) AS moment_of,
(moment -> if(moment BETWEEN -2208988800000 AND 10413791999999, moment, NULL)) AS in_range,
(raw -> in_range(moment_of(extractGroups(ifNull(text_of(raw), ''), '^{INSTANT_TEXT}$')))) AS instant_of,
(entries -> arrayFilter(
    (entry, nth) -> nth = 1, entries, arrayEnumerateUniq(arrayMap(entry -> entry.4, entries)))) AS once_of"""


class Parameters:
    """The values of a statement, under names of our own; equal values share one."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[str, Any], str] = {}

    def text(self, value: str) -> str:
        """Return the expression of a text."""
        return f"{{{self._name('String', value)}:String}}"

    def number(self, value: Scalar) -> str:
        """Return the expression of a number that `comparison.number` accepts."""
        exact = number(value)
        if exact is None:
            raise ValueError(f"{value!r} is no number")
        return f"toDecimal256({self.text(format(Decimal(exact), 'f'))}, {DECIMALS})"

    def integer(self, value: int) -> str:
        """Return the expression of an integer of 64 bits."""
        return f"{{{self._name('Int64', value)}:Int64}}"

    def texts(self, values: list[str]) -> str:
        """Return the expression of a list of texts."""
        return f"{{{self._name('Array(String)', tuple(values), list(values))}:Array(String)}}"

    def _name(self, type_: str, key: Any, value: Any = None) -> str:
        name = self._names.setdefault((type_, key), f"p{len(self._names)}")
        self.values[name] = key if value is None else value
        return name


def present(raw: str) -> str:
    """Return the condition that a value is not missing."""
    return f"{raw} NOT IN ('', 'null')"


def look_up(column: str, name: str, parameters: Parameters) -> str:
    """Return the raw value of a key of a JSON column, or else of the dotted path into nested objects."""
    literal = f"JSONExtractRaw({column}, {parameters.text(name)})"
    if "." not in name:
        return literal
    path = ", ".join(parameters.text(key) for key in name.split("."))
    return f"if({present(literal)}, {literal}, JSONExtractRaw({column}, {path}))"


def _equals(raw: str, operand: Scalar, parameters: Parameters) -> str:
    if isinstance(operand, bool):
        return f"{raw} = '{'true' if operand else 'false'}'"
    if number(operand) is not None:
        return f"ifNull(number_of({raw}) = {parameters.number(operand)}, false)"
    return f"ifNull(text_of({raw}) = {parameters.text(str(operand))}, false)"


def _one_of(raw: str, operands: tuple[Scalar, ...], parameters: Parameters) -> str:
    flags = [operand for operand in operands if isinstance(operand, bool)]
    others = [operand for operand in operands if not isinstance(operand, bool)]
    exact = [format(Decimal(found), "f") for operand in others if (found := number(operand)) is not None]
    texts = [str(operand) for operand in others if number(operand) is None]
    conditions = [_equals(raw, flag, parameters) for flag in flags]
    if texts:
        conditions.append(f"has({parameters.texts(texts)}, text_of({raw}))")
    if exact:
        wanted = f"arrayMap(each -> toDecimal256(each, {DECIMALS}), {parameters.texts(exact)})"
        conditions.append(f"has({wanted}, number_of({raw}))")
    return f"({' OR '.join(conditions)})"


def _contains(raw: str, operand: Scalar, parameters: Parameters) -> str:
    within = f"arrayExists(each -> {_equals('each', operand, parameters)}, JSONExtractArrayRaw({raw}))"
    inside = "false"
    if isinstance(operand, str):
        inside = f"ifNull(position(text_of({raw}), {parameters.text(operand)}) > 0, false)"
    return f"if(startsWith({raw}, '['), {within}, {inside})"


_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "!="}


def compared(left: str, op: str, right: str) -> str:
    """Return the comparison of two expressions by `eq`, `ne`, `gt`, `gte`, `lt` or `lte`."""
    return f"{left} {_SIGNS[op]} {right}"


def condition(raw: str, op: str, operand: Operand, now: str, parameters: Parameters) -> str:
    """Return the condition of an operator on a raw value; `now` is what spans count back from, in milliseconds."""
    if op == "exists":
        return present(raw)
    if op == "missing":
        return f"NOT {present(raw)}"
    if isinstance(operand, Instant):
        sign = "<" if op == "before" else ">"
        return f"ifNull(instant_of({raw}) {sign} {parameters.integer(operand.millis)}, false)"
    if isinstance(operand, Span):
        begin, end = f"instant_of({raw})", f"instant_of({raw}) + {parameters.integer(operand.millis)}"
        test = {
            "before": f"{end} <= {now}",
            "after": f"{now} < {end}",
            "within": f"{begin} <= {now} AND {now} < {end}",
        }[op]
        return f"ifNull({test}, false)"
    if isinstance(operand, tuple):
        listed = _one_of(raw, operand, parameters)
        return listed if op == "in" else f"({present(raw)} AND NOT {listed})"
    if operand is None:
        raise ValueError(f"{op} needs a value")
    if op == "eq":
        return _equals(raw, operand, parameters)
    if op == "ne":
        return f"({present(raw)} AND NOT {_equals(raw, operand, parameters)})"
    if op == "contains":
        return _contains(raw, operand, parameters)
    if op == "starts_with":
        return f"ifNull(startsWith(text_of({raw}), {parameters.text(str(operand))}), false)"
    return f"ifNull({compared(f'number_of({raw})', op, parameters.number(operand))}, false)"
