"""From JSON to a checked definition: the one parser behind the API, the command line and files under version control.

Every problem of a document is reported at once, each with the place it is at (`where.all[2].op`) and what would be
right. Size and depth are limited before anything is built, so that no document costs more than reading it.
"""

from collections.abc import Mapping
from typing import Any

from processors.segments.clauses import All, AnyOf, Clause, Definition, Not
from processors.segments.leaf_clauses import KEYS, LEAVES, check_id
from processors.segments.operators import closest, shown
from processors.segments.problems import DefinitionError, DefinitionProblem, Wrong, checked, listed, name_at, only_keys
from processors.segments.references import reference_problem

__all__ = ["DefinitionError", "DefinitionProblem", "check_id", "parse", "parse_where"]

MAX_CLAUSES = 1_000
MAX_DEPTH = 50

_KINDS = ("all", "any", "not", "trait", "metric", "event", "segment", "consent")


class _Limit(Wrong):
    """A limit was reached: nothing further is read."""


class _Parser:
    def __init__(self) -> None:
        self.problems: list[DefinitionProblem] = []
        self.clauses = 0

    def clause(self, node: Any, path: str, depth: int) -> Clause | None:
        """Return the clause at `path`; None after noting what is wrong with it. Raises `_Limit` beyond a limit."""
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise _Limit(
                path,
                f"the definition has more than {MAX_CLAUSES} clauses: split it into segments that refer to each other",
            )
        if depth > MAX_DEPTH:
            raise _Limit(
                path,
                f"the clauses are nested more than {MAX_DEPTH} deep: split it into segments that refer to each other",
            )
        if not isinstance(node, dict):
            self.problems.append(
                DefinitionProblem(path, f"{shown(node)} is no clause: write an object with one of {listed(_KINDS)}")
            )
            return None
        kinds = [kind for kind in _KINDS if kind in node]
        if len(kinds) != 1:
            unknown = next((closest(key, _KINDS) for key in node if key not in _KINDS and closest(key, _KINDS)), "")
            message = f"a clause has exactly one of {listed(_KINDS)}{unknown}" + (
                f", not {listed(kinds)} together" if kinds else ""
            )
            self.problems.append(DefinitionProblem(path, message))
            return None
        kind = kinds[0]
        try:
            only_keys(node, KEYS.get(kind, (kind,)), path)
            if kind in ("all", "any"):
                return self._many(kind, node[kind], f"{path}.{kind}", depth)
            if kind == "not":
                child = self.clause(node["not"], f"{path}.not", depth + 1)
                return None if child is None else Not(child)
            return LEAVES[kind](node, path)
        except _Limit:
            raise
        except Wrong as wrong:
            self.problems.append(wrong.problem)
            return None

    def _many(self, kind: str, nodes: Any, path: str, depth: int) -> Clause | None:
        if not isinstance(nodes, list) or not nodes:
            raise Wrong(path, f'"{kind}" needs a list with at least one clause')
        children = [self.clause(node, f"{path}[{index}]", depth + 1) for index, node in enumerate(nodes)]
        clauses = tuple(child for child in children if child is not None)
        return All(clauses) if kind == "all" else AnyOf(clauses)


def parse_where(node: Any) -> Clause:
    """Return the checked clause of `{"where": …}` alone, as a preview sends it. Raises `DefinitionError`."""
    parser = _Parser()
    try:
        clause = parser.clause(node, "where", 1)
    except Wrong as wrong:
        raise DefinitionError([wrong.problem]) from None
    if parser.problems or clause is None:
        raise DefinitionError(parser.problems)
    return clause


def _place_of(segment_id: str, node: Mapping[str, Any], path: str) -> str | None:
    """Return the path of the first reference to `segment_id` in a checked clause."""
    if node.get("segment") == segment_id:
        return f"{path}.segment"
    children = [(node["not"], f"{path}.not")] if "not" in node else []
    for kind in ("all", "any"):
        children += [(child, f"{path}.{kind}[{index}]") for index, child in enumerate(node.get(kind, ()))]
    return next((place for child, there in children if (place := _place_of(segment_id, child, there))), None)


def parse(document: Any, known: Mapping[str, Definition] | None = None) -> Definition:
    """Return the checked definition of a JSON document.

    `known` are the other definitions: references to anything else, and cycles, are refused; None leaves references
    unchecked. Raises `DefinitionError` with every problem.
    """
    if not isinstance(document, dict):
        raise DefinitionError(
            [DefinitionProblem("", f'{shown(document)} is no definition: write {{"id": …, "where": …}}')]
        )
    problems: list[DefinitionProblem] = []
    segment_id = name = ""
    try:
        only_keys(document, ("id", "name", "description", "where"), "")
        segment_id = checked(lambda: check_id(document.get("id")), "id")
        name = name_at(document, "name", "") if "name" in document else segment_id
        if not isinstance(document.get("description", ""), str):
            raise Wrong("description", "write text")
    except Wrong as wrong:
        problems.append(wrong.problem)
    if "where" not in document:
        problems.append(DefinitionProblem("where", f"a clause is needed: an object with one of {listed(_KINDS)}"))
        raise DefinitionError(problems)
    try:
        where = parse_where(document["where"])
    except DefinitionError as error:
        raise DefinitionError(problems + error.problems) from None
    if segment_id and (found := reference_problem(segment_id, where, known)):
        reference, message = found
        problems.append(DefinitionProblem(_place_of(reference, document["where"], "where") or "where", message))
    if problems:
        raise DefinitionError(problems)
    return Definition(segment_id, name, where, document)
