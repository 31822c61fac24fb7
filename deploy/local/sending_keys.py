"""Which collector a command sends to, and with whose write key."""

from deploy.local.sending import Collector
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.source import Source, parse_sources


def collector_of(settings: Settings, source: str | None = None, write_key: str | None = None) -> Collector:
    """Return the collector of connected `settings`, as `source` (a name in the sources file) or with `write_key`.

    With neither, as the source `default`. Raises `KithError` when no key is known.
    """
    return Collector(collector_url(settings), write_key or _key_of(settings, source))


def collector_url(settings: Settings) -> str:
    """Return the collector's address, without a slash at its end."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.collector_port}"


def _key_of(settings: Settings, source: str | None) -> str:
    if source is None or source == "default":
        keys = [key.strip() for key in settings.write_keys.split(",") if key.strip()]
        if not keys:
            raise KithError("No write key is known: start the stack with `kith up`, or give --write-key.")
        return keys[0]
    found = source_of_file(settings, source)
    if not found.write_keys:
        raise KithError(f"The source {source!r} is of kind {found.kind} and takes no messages: name another.")
    return found.write_keys[0]


def source_of_file(settings: Settings, name: str) -> Source:
    """Return a source of the sources file, with its secrets. Raises `KithError` when there is none of that name."""
    path = settings.sources or settings.data_dir / "sources.yaml"
    try:
        sources = parse_sources(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KithError(f"The sources in {path} cannot be read: {error}. `kith source add` makes one.") from error
    if name not in sources:
        known = ", ".join(sorted({"default", *sources}))
        raise KithError(f"There is no source {name!r} in {path}; there are: {known}.")
    return sources[name]
