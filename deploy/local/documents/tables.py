"""`docs/tables.md`, from the migrations of the projections."""

from deploy.local.documents.page import page, table
from projections.dictionary import Relation, relations

INTRO = """\
The tables and views of the database `kith`, as `DESCRIBE` and `system.tables` show them too. Read the views: they have
each thing once and know the person behind it. The tables named `…_states` hold every published state until the engine
has merged them. [sql.md](sql.md) has examples."""


def documents() -> dict[str, str]:
    """Return the page with every table and view."""
    known = relations()
    views = [each for each in known if each.is_view]
    tables = [each for each in known if not each.is_view]
    parts = [INTRO, "## Views", *map(_section, views), "## Tables", *map(_section, tables)]
    return {"tables.md": page("Tables and views", "projections/migrations/", *parts)}


def _section(relation: Relation) -> str:
    parts = [f"### {relation.name}", f"{relation.comment}."]
    if relation.parameters:
        parts.append(table(("parameter", "type"), [[f"`{name}`", f"`{type_}`"] for name, type_ in relation.parameters]))
    if relation.columns:
        rows = [[f"`{name}`", f"`{type_}`", says] for name, type_, says in relation.columns]
        parts.append(table(("column", "type", "what"), rows))
    return "\n\n".join(parts)
