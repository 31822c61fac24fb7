"""One supervised process: started, watched until ready, started again when it dies, stopped with TERM and then KILL.

A `Child` is started and awaited from the supervisor's main thread: the leash (`deploy.local.leash`) ties the process to
the thread that forked it.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local import leash
from deploy.local.backoff import Backoff
from deploy.local.folder import DataFolder
from deploy.local.logfile import LogFile
from deploy.local.probes import ask
from deploy.local.processes import SECRET_VARIABLES, ProcessSpec
from schemas.errors import KithError

STARTING_POLL_S = 0.05
READY_POLL_S = 1.0
# Deaths before it was ever ready, after which the start of the stack has failed.
STILLBORN = 3


class Child:
    """A process of the stack. `changed` is called whenever pid, port, state or restarts change.

    `state` is one of `starting`, `ready`, `unready` (alive, but does not do its work now), `restarting` (dead, waits
    for its next start), `stopping`, `stopped`.
    """

    def __init__(self, spec: ProcessSpec, folder: DataFolder, host: str, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.pid: int | None = None
        self.port = spec.port
        self.state = "starting"
        self.detail = ""
        self.restarts = 0
        self.started_at = 0.0
        self.failure: str | None = None
        self.log = LogFile(folder.log_file(spec.name), spec.name)
        self._port_file = folder.port_file(spec.name)
        self._host = host
        self._changed = changed
        self._was_ready = False
        self._backoff = Backoff()
        self._stop = asyncio.Event()
        self._settled = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the process and keep it running from now on."""
        self._task = asyncio.create_task(self._keep(), name=self.spec.name)

    async def wait_ready(self) -> None:
        """Return once the process is ready. Raises `KithError`, with its last words, when it dies again and again."""
        await self._settled.wait()
        if self.failure is not None:
            raise KithError(self.failure)

    async def stop(self) -> None:
        """End the process: TERM, after its grace period KILL. Nothing starts it again."""
        self._stop.set()
        if self._task is not None:
            await self._task
        self.log.close()

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    async def _keep(self) -> None:
        while not self._stop.is_set():
            born = time.monotonic()
            code = await self._live()
            if self._stop.is_set():
                break
            self.restarts += 1
            pause = self._backoff.after_death(time.monotonic() - born)
            self.log.note("process ended", "warning", code=code, next_start_in_s=round(pause, 2))
            if not self._was_ready and self._backoff.deaths >= STILLBORN:
                self.failure = f"{self.spec.name} does not start: {last_words(self.log)}"
                self._settled.set()
                break
            self._set("restarting", f"ended with code {code}")
            await self._pause(pause)
        self.pid = None
        self._set("stopped")

    async def _live(self) -> int:
        """Run the process once, to its end, and return its exit code."""
        self._port_file.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            *leashed(self.spec.command),
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
        )
        self._process = process
        self.pid = process.pid
        self.started_at = time.time()
        self._set("starting")
        tasks = [asyncio.create_task(self._pump(process)), asyncio.create_task(self._watch())]
        stopping = asyncio.create_task(self._stop.wait())
        ended = asyncio.create_task(process.wait())
        await asyncio.wait([stopping, ended], return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await self._end(ended)
        stopping.cancel()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return ended.result()

    async def _end(self, ended: "asyncio.Task[int]") -> None:
        self._set("stopping")
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([ended], timeout=self.spec.grace_s)
        if not done:
            self.log.note("does not stop: killed", "warning", after_s=self.spec.grace_s)
            self.kill()
            await ended

    async def _pump(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while data := await process.stdout.read(1 << 16):
            self.log.feed(data)

    async def _watch(self) -> None:
        while True:
            self._learn_port()
            ready, detail = (
                await ask(self.spec.probe, self._host, self.port) if self.port else (False, "has no port yet")
            )
            if ready:
                self._was_ready = True
                self._settled.set()
            if ready or self.state == "ready":
                self._set("ready" if ready else "unready", detail)
            else:
                self._set(self.state, detail)
            await asyncio.sleep(READY_POLL_S if ready else STARTING_POLL_S)

    def _learn_port(self) -> None:
        if self.port == 0:
            self.port = read_port(self._port_file)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
        environment = {**inherited, "PYTHONUNBUFFERED": "1", **self.spec.environment}
        if self.spec.port_variable and self.port:
            environment[self.spec.port_variable] = str(self.port)
        return environment

    def _set(self, state: str, detail: str = "") -> None:
        if (state, detail) != (self.state, self.detail) or state == "starting":
            self.state, self.detail = state, detail
            self._changed()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


def leashed(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that runs `command` so that it dies with this process."""
    return (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command)


def read_port(path: Path) -> int:
    """Return the port that a process announced, or 0 when it has not yet."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def last_words(log: LogFile) -> str:
    """Return what a process said last, and where the rest is."""
    spoken = [said for line in log.last if (said := words(line)) != "process ended"]
    return f"{spoken[-1] if spoken else 'it said nothing'} (see {log.path})"


def words(line: str) -> str:
    """Return what a log line says, without what is around it."""
    try:
        said = json.loads(line)
        return f"{said['event']}: {said['error']}" if "error" in said else str(said["event"])
    except (ValueError, KeyError):
        return line
