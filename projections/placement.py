"""Where tables lie: on one node, on every replica of a cluster, or sharded by seed over a cluster. Pure.

Sharded, a table of `SHARDED` is two: `events_local` holds a shard's rows; `events`, a Distributed table, is over all
shards. Reads and inserts name the table itself, wherever it lies; whatever deletes, alters, mirrors or exchanges names
the one that `Placement.local` says. Every other table lies whole on every node, so that joining to it needs no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.settings import Settings

# The large ones. All rows of a seed lie on one shard: the events of an identifier, the states of an order.
SHARDED = frozenset({"events", "order_states"})
SHARDING_KEY = "sipHash64(seed)"
_LOCAL = "_local"
# Of a rebuild's tables: `events__shadow` is sharded as `events` is.
_ROLE = "__"

# One path in Keeper for the replicas of one shard, or for all nodes. The UUID is another one after an exchange.
_OF_SHARD = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"
_OF_CLUSTER = "'/clickhouse/tables/{uuid}', '{shard}-{replica}'"


@dataclass(frozen=True, slots=True)
class Placement:
    """How one database is laid out. `sharded` needs a cluster."""

    cluster: str | None = None
    sharded: bool = False
    database: str = "kith"

    @classmethod
    def of(cls, settings: Settings) -> "Placement":
        """Return what the settings say."""
        return cls(settings.clickhouse_cluster, settings.clickhouse_sharded, settings.clickhouse_database)

    @property
    def on_cluster(self) -> str:
        """Return the clause, with a space before it, of what is to happen on every node; empty on one node."""
        return f" ON CLUSTER `{self.cluster}`" if self.cluster else ""

    def is_sharded(self, table: str) -> bool:
        """Tell whether a table's rows are spread over the shards. `table` is the name that is read."""
        return self.sharded and table.partition(_ROLE)[0] in SHARDED

    def local(self, table: str) -> str:
        """Return the name of the table that holds the rows: its own, but for a sharded one."""
        return table + _LOCAL if self.is_sharded(table) else table

    def deletable(self, table: str) -> str:
        """Return what a DELETE names: the rows' own table, on every shard; replicas follow by themselves."""
        return self.local(table) + (self.on_cluster if self.is_sharded(table) else "")

    def distributed(self, table: str) -> str:
        """Return the engine of a sharded table."""
        return f"Distributed('{self.cluster}', '{self.database}', '{self.local(table)}', {SHARDING_KEY})"

    def replicated(self, table: str) -> str:
        """Return the arguments of a table's Replicated engine; empty where the server's own defaults are right."""
        if not self.sharded:
            return ""
        return _OF_SHARD if self.is_sharded(table) else _OF_CLUSTER

    @property
    def engine(self) -> str:
        """Return the engine of `events` here."""
        return "Distributed" if self.sharded else "ReplicatedMergeTree" if self.cluster else "MergeTree"

    @property
    def parts(self) -> str:
        """Return what names the parts of all tables: of one replica of each shard, where there are shards."""
        return f"cluster('{self.cluster}', system.parts)" if self.sharded else "system.parts"

    @property
    def session(self) -> Mapping[str, str | int]:
        """Return the settings of every connection of Kith's own.

        Statements on the cluster do not wait for nodes that are down, which run them when they are back. Inserts are
        acknowledged when all shards have them, and reading a shard asks the replica that inserts go to.
        """
        found: dict[str, str | int] = {}
        if self.cluster:
            found |= {"distributed_ddl_output_mode": "throw_only_active"}
        if self.sharded:
            found |= {"distributed_foreground_insert": 1, "load_balancing": "in_order"}
        return found


ONE_NODE = Placement()
