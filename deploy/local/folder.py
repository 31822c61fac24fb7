"""The data folder of one local stack: where each thing lies. Two folders are two stacks."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths inside one `KITH_DATA_DIR`; `root` is absolute, readable by its owner only."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> "DataFolder":
        """Return the folder at `path`, made absolute; nothing is created."""
        return cls(path.expanduser().absolute())

    def create(self) -> None:
        """Create what is missing."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.logs, self.run):
            path.mkdir(mode=0o700, exist_ok=True)

    @property
    def logs(self) -> Path:
        """Return the folder of log files, one per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Return the folder of what is true only while the stack runs."""
        return self.root / "run"

    @property
    def kafka(self) -> Path:
        """Return the folder of the local Kafka's log segments."""
        return self.root / "kafka"

    @property
    def credentials(self) -> Path:
        """Return the file of the stack's secrets, mode 600."""
        return self.root / "secrets.json"

    @property
    def sources(self) -> Path:
        """Return the file of sources that the collector reads unless `KITH_SOURCES` names another."""
        return self.root / "sources.yaml"

    @property
    def plans(self) -> Path:
        """Return the folder of tracking plans that the collector reads unless `KITH_TRACKING_PLAN` names another."""
        return self.root / "plans"

    @property
    def lock(self) -> Path:
        """Return the file that a running supervisor holds a lock on."""
        return self.run / "lock"

    @property
    def stack(self) -> Path:
        """Return the file in which the supervisor says what runs."""
        return self.run / "stack.json"

    def port_file(self, process: str) -> Path:
        """Return the file into which `process` writes its port."""
        return self.run / f"{process}.port"

    def log_file(self, process: str) -> Path:
        """Return the newest log file of `process`."""
        return self.logs / f"{process}.log"
