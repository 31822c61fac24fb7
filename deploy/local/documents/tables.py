"""`docs/tables.md`, from the migrations of the projections."""

from collections.abc import Iterable

from deploy.local.documents.page import page, table
from deploy.local.documents.parameterised import RESULTS, example, parameter
from projections.dictionary import Relation, relations

INTRO = """\
The tables and views of the database `kith`, as `DESCRIBE` and `system.tables` show them too. Read the views: they have
each thing once and know the person behind it. [sql.md](sql.md) has examples."""
TABLES = "What was published, each once, and not to be summed up from states: read them as they are."
BEHIND = """\
What the views are made of. The tables named `…_states` hold every published state until the engine has merged them, so
counting their rows counts too much."""
# Tables that have no view over them.
READ = ("events", "segment_changes", "decisions", "dead_letters", "dead_letter_replays")


def documents() -> dict[str, str]:
    """Return the page with every table and view."""
    known = relations()
    views = [each for each in known if each.is_view and not each.name.endswith("_rows")]
    read = [each for each in known if each.name in READ]
    behind = [each for each in known if each not in views and each not in read]
    sections = (("Views", "", views), ("Tables", TABLES, read), ("Behind the views", BEHIND, behind))
    parts = [part for title, intro, listed in sections for part in _chapter(title, intro, listed)]
    return {"tables.md": page("Tables and views", "projections/migrations/", INTRO, *parts)}


def _chapter(title: str, intro: str, listed: Iterable[Relation]) -> list[str]:
    overview = table(("", "what"), [[f"[{each.name}](#{each.name})", f"{each.comment}."] for each in listed])
    return [f"## {title}", *filter(None, [intro]), overview, *map(_section, listed)]


def _section(relation: Relation) -> str:
    parts = [f"### {relation.name}", f"{relation.comment}."]
    columns = relation.columns
    if relation.parameters:
        result = RESULTS[relation.name]
        rows = [[f"`{name}`", f"`{type_}`", parameter(relation.name, name)[0]] for name, type_ in relation.parameters]
        parts += [
            table(("parameter", "type", "what"), rows),
            f"```sql\n{example(relation.name, relation.parameters)}\n```",
        ]
        columns = result.own
        if result.of:
            parts.append(f"Gives the columns of [{result.of}](#{result.of}){', and:' if columns else '.'}")
    if columns:
        rows = [[f"`{name}`", f"`{type_}`", says.replace("<", "&lt;")] for name, type_, says in columns]
        parts.append(table(("column", "type", "what"), rows))
    return "\n\n".join(parts)
