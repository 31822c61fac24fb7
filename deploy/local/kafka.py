"""Apache Kafka as one KRaft node on loopback: its configuration, its first formatting, its command line.

Rendering is pure; `format_storage` is the only function that runs something.
"""

import base64
import shutil
import subprocess
import uuid
from pathlib import Path

from schemas.errors import KithError

# Where `make install` puts the jars: beside the interpreter's environment. Java knows its archive by the real path.
JARS = (Path(__file__).parents[2] / ".venv").resolve() / "kafka"
# Written by `deploy.local.kafka_classes`; Java ignores it where it is missing or does not fit.
CLASSES = JARS.with_name("kafka.jsa")
_SHARED = f"-XX:SharedArchiveFile={CLASSES}"
LOGGING = Path(__file__).with_name("log4j2.xml")
# Seen enough for 60,000 events a second; the page cache does the rest.
HEAP = "512m"
FOREVER = -1


def properties(data: Path, host: str, port: int, controller_port: int) -> str:
    """Return `server.properties` of a single node that keeps its log in `data`.

    The controller listens on loopback whatever `host` is; its port may differ from start to start.
    """
    pairs: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        # One node holds every replica; topics are created by `kith topics` only.
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Defaults of 50 partitions each cost seconds at every start.
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.num.partitions": 1,
        # A stack that was stopped for months continues where it was: positions are kept like the log itself.
        "offsets.retention.minutes": 60 * 24 * 3650,
        "log.retention.ms": FOREVER,
        # A member that is gone is noticed soon, and the first one does not wait for others.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # A dead worker's open transaction hides everything after it from readers: look for such every second.
        "transaction.max.timeout.ms": 60_000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        # After kill -9 the node comes back at once; its former registration must not keep it out.
        "broker.heartbeat.interval.ms": 250,
        "broker.session.timeout.ms": 2000,
        "controlled.shutdown.enable": "false",
        "message.max.bytes": 8 << 20,
        "replica.fetch.max.bytes": 8 << 20,
        # The default of 128 MB for compaction would take a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": 16 << 20,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.recovery.threads.per.data.dir": 2,
    }
    return "".join(f"{key}={value}\n" for key, value in pairs.items())


def cluster_id() -> str:
    """Return a random KRaft cluster id: 16 bytes as URL-safe base64 that does not begin with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode("ascii")
        if not text.startswith("-"):
            return text


def java_command(main_class: str, *arguments: str, heap: str = HEAP, classes: str = _SHARED) -> tuple[str, ...]:
    """Return the command that runs one of Kafka's classes; `classes` is Java's option for the archive of classes."""
    return (
        shutil.which("java") or "java",
        f"-Xmx{heap}",
        *((f"-Xms{heap}",) if heap == HEAP else ()),
        # A broker beside everything else on a few cores: the optimising compiler's threads cost more there than they
        # give back, and a small heap needs no parallel collector.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        classes,
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={LOGGING}",
        "-cp",
        f"{JARS}/*",
        main_class,
        *arguments,
    )


def broker_command(configuration: Path, classes: str = _SHARED) -> tuple[str, ...]:
    """Return the command that runs the broker in the foreground."""
    return java_command("kafka.Kafka", str(configuration), classes=classes)


def check_installed() -> None:
    """Raise `KithError` when Kafka's jars or Java are not there."""
    if not next(JARS.glob("kafka_*.jar"), None):
        raise KithError("Kafka's jars are missing: run `make install`, or set KITH_KAFKA_BOOTSTRAP to your own Kafka.")
    if shutil.which("java") is None:
        raise KithError("Java is missing: `kith doctor` says how to get it; or set KITH_KAFKA_BOOTSTRAP.")


def format_storage(data: Path, configuration: Path) -> None:
    """Format `data` for the broker, once; a second call changes nothing. Raises `KithError` when Kafka refuses.

    A file `formatted` beside `data` says that it was completed.
    """
    done = data.with_name("formatted")
    if done.exists():
        return
    command = java_command(
        "kafka.tools.StorageTool",
        *("format", "--cluster-id", cluster_id(), "--config", str(configuration), "--ignore-formatted"),
        heap="128m",
    )
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        reason = (run.stderr + run.stdout).strip().partition("\n")[0]
        raise KithError(f"Kafka could not format {data}: {reason}")
    done.touch()
