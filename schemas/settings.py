"""Every setting, in one place: environment variables `KITH_*`, read once at the start of a process.

`docs/settings.md` lists them; a test asserts that it lists them all.
"""

from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.topics import Topics


class Settings(BaseSettings):
    """Settings of all processes. Lists are comma-separated text."""

    model_config = SettingsConfigDict(env_prefix="KITH_", extra="ignore", frozen=True, env_ignore_empty=True)

    data_dir: Path = Field(Path(".kith"), description="Folder of the local stack: logs, stores, secrets.")
    host: str = Field("127.0.0.1", description="Address every process listens on.")

    kafka_bootstrap: str | None = Field(None, description="External Kafka (`host:port,…`); unset: the local one.")
    kafka_port: int = Field(9092, ge=0, le=65535, description="Port of the local Kafka; 0 picks a free one.")
    topic_prefix: str = Field("kith.", description="Prefix of every topic name.", pattern=r"^[A-Za-z0-9._-]*$")
    partitions: int = Field(4, ge=1, le=1024, description="Partitions of the event topics; fixed once created.")
    replication: int = Field(1, ge=1, le=5, description="Replication factor of the topics.")

    clickhouse_url: str | None = Field(
        None, description="External ClickHouse (`http://host:port`); unset: the local one."
    )
    clickhouse_port: int = Field(8123, ge=0, le=65535, description="Port of the local ClickHouse; 0 picks a free one.")
    clickhouse_database: str = Field(
        "kith", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database of the projections."
    )
    clickhouse_user: str = Field("kith", description="User that owns the projections.")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="Its password.")
    analyst_password: SecretStr = Field(SecretStr(""), description="Password of the local read-only user `analyst`.")
    transformer_password: SecretStr = Field(
        SecretStr(""), description="Password of the local user `transformer`: reads all, writes databases `marts…`."
    )
    clickhouse_max_seconds: float = Field(
        600.0, gt=0, description="Time limit of a query in the local ClickHouse; its owner may set another for one."
    )
    clickhouse_max_memory: int = Field(
        0, ge=0, description="Memory limit of a query in the local ClickHouse, bytes; 0 is half of the machine's."
    )
    clickhouse_cluster: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="Cluster name: DDL gets ON CLUSTER and Replicated engines.",
    )
    clickhouse_sharded: bool = Field(
        False, description="Spread events and orders over the cluster's shards by seed; needs a cluster."
    )

    collector_port: int = Field(8001, ge=0, le=65535, description="Port of the collector; 0 picks a free one.")
    privacy_key: SecretStr = Field(
        SecretStr(""), description="Key of the hashes by which privacy requests know people; must never change."
    )
    write_keys: str = Field("", description="Write keys of the tracking source `default`.")
    sources: Path | None = Field(None, description="YAML file of sources.")
    tracking_plan: Path | None = Field(None, description="Folder of tracking plans (YAML), or one file.")
    collector_url: str | None = Field(
        None, description="Where the API reaches the collector, to replay dead letters; unset: on this machine."
    )
    import_bytes: int = Field(256 << 20, ge=1 << 10, description="Largest file that `POST /v1/import` takes, bytes.")
    replay_key: SecretStr = Field(
        SecretStr(""), description="Secret that API and collector share for replays; unset: there are none."
    )
    default_country: str | None = Field(None, description="Region for phone numbers that name none, e.g. `FR`.")
    trusted_proxies: str = Field("", description="Networks whose X-Forwarded-For is believed, e.g. `10.0.0.0/8`.")
    acknowledge_timeout_s: float = Field(10.0, gt=0, description="How long the collector waits for Kafka before 503.")
    buffer_bytes: int = Field(64 << 20, ge=1 << 20, description="Bytes the collector holds unacknowledged before 503.")

    worker_port: int = Field(
        0, ge=0, le=65535, description="Port of the worker's health and metrics; 0 picks a free one."
    )
    worker_id: str = Field(
        "worker-1", description="Name of this worker, fixed over restarts.", pattern=r"^[A-Za-z0-9._-]+$"
    )
    worker_batch: int = Field(2000, ge=1, description="Most records in one unit of work.")
    state_dir: Path | None = Field(
        None, description="Folder of this worker's store; default `<data_dir>/state/<worker_id>`."
    )
    identity_policy: Path | None = Field(
        None, description="YAML identity policy that a new log begins with; unset: the built-in one."
    )

    projector_port: int = Field(
        0, ge=0, le=65535, description="Port of the projector's health and metrics; 0 picks a free one."
    )
    projector_id: str = Field(
        "projector-1", description="Name of this projector, fixed over restarts.", pattern=r"^[A-Za-z0-9._-]+$"
    )
    projector_batch: int = Field(40000, ge=1, description="Most records in one insert.")
    projector_interval_s: float = Field(1.0, gt=0, description="Longest time that records are collected for an insert.")

    api_port: int = Field(8000, ge=0, le=65535, description="Port of the API; 0 picks a free one.")
    api_tokens: str = Field(
        "", description="Bearer tokens of the API; `token:operator` may not see personal data. First an admin's."
    )
    query_max_seconds: float = Field(30.0, gt=0, description="Time limit of `POST /v1/query`.")
    query_max_rows: int = Field(10_000, ge=1, description="Row limit of `POST /v1/query`.")
    query_max_bytes: int = Field(1 << 30, ge=1 << 20, description="Memory limit of `POST /v1/query`.")
    query_max_result_bytes: int = Field(
        64 << 20, ge=1 << 10, description="Limit of the size of an answer of `POST /v1/query`, as ClickHouse holds it."
    )
    query_max_running: int = Field(
        20, ge=1, le=50, description="Most queries of `POST /v1/query` that run at once; others wait 10 s for a place."
    )
    timezone: str = Field("UTC", description="Zone of days, weeks and months in analytics.")
    webhook_allow_private: bool = Field(False, description="Deliver webhooks to private and loopback addresses.")
    segment_check_s: float = Field(
        30.0, ge=0, description="How often segments on the stream are compared with SQL, on some people; 0: never."
    )
    webhook_timeout_s: float = Field(10.0, gt=0, le=300, description="How long a receiver of webhooks may take.")
    webhook_retries: str = Field(
        "1s,5s,25s,2m,10m,1h,6h,24h", description="Pauses before a webhook is tried again; then it is dead."
    )

    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least severe line that is logged."
    )

    @field_validator("default_country")
    @classmethod
    def _upper(cls, value: str | None) -> str | None:
        return value.upper() if value else None

    @field_validator("clickhouse_sharded")
    @classmethod
    def _of_a_cluster(cls, value: bool, others: ValidationInfo) -> bool:
        if value and not others.data.get("clickhouse_cluster"):
            raise ValueError("shards are a cluster's: set KITH_CLICKHOUSE_CLUSTER to its name")
        return value

    @cached_property
    def topics(self) -> Topics:
        """Return the full topic names."""
        return Topics(self.topic_prefix)

    @property
    def bootstrap(self) -> str:
        """Return Kafka's bootstrap servers."""
        return self.kafka_bootstrap or f"127.0.0.1:{self.kafka_port}"

    @property
    def clickhouse(self) -> str:
        """Return ClickHouse's URL."""
        return self.clickhouse_url or f"http://127.0.0.1:{self.clickhouse_port}"

    @property
    def collector(self) -> str:
        """Return the collector's address, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.collector_url or f"http://{host}:{self.collector_port}").rstrip("/")

    @property
    def store_dir(self) -> Path:
        """Return the folder of this worker's store."""
        return self.state_dir or self.data_dir / "state" / self.worker_id
