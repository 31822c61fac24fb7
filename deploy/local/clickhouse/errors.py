"""Errors as a ClickHouse server words them: code, text, name, version, and the HTTP status that goes with the code."""

import re

# HTTP status: codes, as the server's exceptionCodeToHTTPStatus has it. Every other code is 500.
_CODES: dict[int, tuple[int, ...]] = {
    400: (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676),
    401: (194,),
    403: (192, 193, 497, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 209, 439),
}
_STATUS = {code: status for status, codes in _CODES.items() for code in codes}

_SHAPE = re.compile(r"\s*Code: (?P<code>\d+)\. DB::Exception: (?P<text>.*)", re.S)
_VERSION = re.compile(r" \(version [0-9.]+(?: \([a-z ]+\))?\)")
_NAME = re.compile(r"\.?\s*\((?P<name>[A-Z][A-Z0-9_]{2,})\)\s*$")


class ClickHouseError(Exception):
    """An error with ClickHouse's `code` and `name`; `text` is the message between them, without a version."""

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.name = name
        self.text = text

    @property
    def status(self) -> int:
        """Return the HTTP status that a server answers with when nothing was sent yet."""
        return _STATUS.get(self.code, 500)

    def line(self, version: str) -> bytes:
        """Return the text that a server puts into the body, without a line break."""
        text = f"Code: {self.code}. DB::Exception: {self.text}. ({self.name}) (version {version})"
        return text.encode("utf-8", "surrogateescape")


class Disconnected(Exception):
    """The client went away: there is nobody left to answer."""


def from_engine(message: str, user: str) -> ClickHouseError:
    """Return the engine's error as this user sees it; chDB's nesting of client and server messages is undone.

    chDB knows one user, `default`, whose name begins the messages about missing privileges.
    """
    match = _SHAPE.match(message)
    if match is None:
        return ClickHouseError(1002, "UNKNOWN_EXCEPTION", message.strip() or "Unknown exception")
    code, text, name = int(match["code"]), _VERSION.sub("", match["text"]).strip(), "UNKNOWN_EXCEPTION"
    while named := _NAME.search(text):
        name, text = named["name"], text[: named.start()].rstrip()
    while inner := _SHAPE.match(text):
        code, text = int(inner["code"]), inner["text"]
    if text.startswith("default: "):
        text = f"{user}: {text.removeprefix('default: ')}"
    return ClickHouseError(code, name, text)
