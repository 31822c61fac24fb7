"""Starting a stack in the background, stopping one that runs, and telling a person how to use it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from deploy.local.child import words
from deploy.local.credentials import load_credentials
from deploy.local.folder import DataFolder
from deploy.local.runtime import StackRecord, connected_settings, is_running, read_stack
from schemas.errors import KithError
from schemas.settings import Settings

POLL_S = 0.05


def start_detached(settings: Settings, workers: int, show: Callable[[str], None]) -> None:
    """Start the stack in a session of its own and return when it is ready, telling `show` each step.

    A stack that runs in this folder already is left as it is. Raises `KithError` when the stack does not start.
    """
    folder = DataFolder.at(settings.data_dir)
    if is_running(folder):
        show(f"A stack runs in {folder.root} already.")
        _follow(folder, None, show)
        return
    folder.create()
    folder.stack.unlink(missing_ok=True)
    environment = {**os.environ, "KITH_DATA_DIR": str(folder.root), "KITH_WORKERS": str(workers)}
    secrets = {"KITH_WRITE_KEYS": settings.write_keys, "KITH_API_TOKENS": settings.api_tokens}
    environment |= {name: value for name, value in secrets.items() if value}
    log = os.open(folder.log_file("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(log, "ab") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", "deploy.local.stack"),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _follow(folder, process, show)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise KithError("Interrupted: what had started was stopped.") from None


def _follow(folder: DataFolder, process: "subprocess.Popen[bytes] | None", show: Callable[[str], None]) -> None:
    """Return once the stack in `folder` is ready. Raises `KithError` when it failed or ended."""
    said = ""
    while True:
        ended = process.poll() is not None if process else not is_running(folder)
        record = read_stack(folder)
        if record is not None and record["step"] != said:
            said = record["step"]
            show(said)
        if record is not None and record["phase"] == "running":
            return
        if ended:
            raise KithError(_why_not(folder, record))
        time.sleep(POLL_S)


def _why_not(folder: DataFolder, record: StackRecord | None) -> str:
    if record is not None and record["error"]:
        return record["error"]
    said = folder.log_file("supervisor").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return words(said[-1]) if said else f"The stack ended while it started: see {folder.logs}."


def stop_running(settings: Settings, timeout_s: float) -> bool:
    """Stop the stack in this data folder, and tell whether there was one.

    Raises `KithError` when it had to be killed because it was not done after `timeout_s`.
    """
    folder = DataFolder.at(settings.data_dir)
    record = read_stack(folder)
    if not is_running(folder) or record is None:
        return False
    os.kill(record["pid"], signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while is_running(folder):
        if time.monotonic() >= deadline:
            # Its children die with it; what they acknowledged is on disk.
            os.kill(record["pid"], signal.SIGKILL)
            raise KithError(f"The stack did not stop within {timeout_s:.0f} s and was killed: see {folder.logs}.")
        time.sleep(POLL_S)
    return True


def summary(settings: Settings) -> str:
    """Return where everything listens and with which secrets, for the person who started the stack."""
    reached = connected_settings(settings)
    credentials = load_credentials(DataFolder.at(reached.data_dir).credentials)
    if credentials is None:
        raise KithError(f"{reached.data_dir} holds no secrets: the stack did not start there.")
    host = f"[{reached.host}]" if ":" in reached.host else reached.host
    return "\n".join(
        (
            f"  collector   http://{host}:{reached.collector_port}   write key {credentials.write_key}",
            f"  api         http://{host}:{reached.api_port}   token {credentials.api_token}",
            f"  ClickHouse  {reached.clickhouse}   user {reached.clickhouse_user}, "
            f"password {credentials.clickhouse_password}",
            f"  analyst     {reached.clickhouse}   user analyst (reads only), password {credentials.analyst_password}",
            f"  transformer {reached.clickhouse}   user transformer (reads all, writes marts), "
            f"password {credentials.transformer_password}",
            f"  Kafka       {reached.bootstrap}",
            f"  data        {reached.data_dir}",
        )
    )
