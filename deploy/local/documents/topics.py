"""`docs/topics.md`, from `schemas.topics`."""

from deploy.local.documents.json_schemas import VALUES
from deploy.local.documents.page import page, table
from schemas.topics import DAY_MS, SPECS, TopicSpec

INTRO = """\
Everything that the processes say to each other goes through these topics, under the prefix `KITH_TOPIC_PREFIX` (default
`kith.`). Values are JSON, keys are UTF-8 text, and every value carries `schema_version`. A key's partition is murmur2
of the key, as Kafka's own clients compute it. `KITH_PARTITIONS` is fixed when the topics are created.
[asyncapi.yaml](asyncapi.yaml) describes the public ones for machines."""

PUBLIC = """\
## Public

Any Kafka client may read these. Read committed records only (`isolation.level=read_committed`): workers write in
transactions."""

INTERNAL = """\
## Internal

Their layout may change with any version."""


def documents() -> dict[str, str]:
    """Return the page with every topic."""
    header = ("topic", "key", "partitions", "keeps", "value")
    public = table(header, [_row(spec) for spec in SPECS if spec.public])
    internal = table(header, [_row(spec) for spec in SPECS if not spec.public])
    return {"topics.md": page("Topics", "schemas/topics.py", INTRO, PUBLIC, public, INTERNAL, internal)}


def _row(spec: TopicSpec) -> list[str]:
    partitions = str(spec.partitions) if spec.partitions else "`KITH_PARTITIONS`"
    value = VALUES.get(spec.name)
    summary = spec.summary if value is None else f"[{spec.summary}](schemas/{value.file})"
    return [f"`{spec.name}`", spec.key, partitions, keeps(spec), summary]


def keeps(spec: TopicSpec) -> str:
    """Return how long a topic keeps what it has."""
    if spec.cleanup == "compact":
        return "the newest per key"
    return "everything" if spec.retention_ms is None else f"{spec.retention_ms // DAY_MS} days"
