"""Logs of every process: one JSON object a line on standard output, without personal data or secrets.

`configure` is called once, first thing in a process; after that `structlog.get_logger()` and the standard library's
loggers (uvicorn, faust, aiokafka, kafka) write the same lines: `timestamp`, `level`, `process`, `logger`, `event`, and
the key-value pairs of the call. Log what names a record (topic, partition, offset, event id), never what it holds;
the masking here is the second line of defence.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor, WrappedLogger

# What must never reach a log file, whoever put it into a message: e-mail addresses, credentials.
# The bounds (those of the standards) keep the search linear in the length of the text.
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_CREDENTIAL = re.compile(
    r"\b(?:(?:Basic|Bearer)\s+\S+|(?:wk|at|whsec)_[\w-]{8,}|(?<=secret=)[^\s&]+|(?<=writeKey=)[^\s&]+)", re.IGNORECASE
)


def configure(process: str, level: str = "info") -> None:
    """Make every logger of this process write JSON lines to standard output, from `level` on.

    `process` is this process's name, as `kith status` shows it. Calling it again replaces what was set.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # The stream that the process was started with: Faust replaces `sys.stdout`.
    handler = logging.StreamHandler(sys.__stdout__)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _Named(process),
                structlog.processors.format_exc_info,
                mask,
                structlog.processors.JSONRenderer(default=repr),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def mask(_logger: WrappedLogger, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return the line with e-mail addresses and credentials replaced in every text value, at any depth."""
    return {key: _masked(value) for key, value in line.items()}


def mask_text(text: str) -> str:
    """Return `text` with e-mail addresses and credentials replaced by what they were."""
    if "@" in text:
        text = _EMAIL.sub("[email]", text)
    return _CREDENTIAL.sub("[credential]", text)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return mask_text(repr(value))


class _Named:
    """Adds the process's name to every line."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(
        self, _logger: WrappedLogger, _method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        line["process"] = self._process
        # uvicorn's copy of its message for terminals.
        line.pop("color_message", None)
        return line
