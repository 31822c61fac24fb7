"""As whom a dictionary reads its rows: ClickHouse signs in to itself, with what the dictionary's own text says."""

from dataclasses import dataclass

from pydantic import SecretStr

from schemas.settings import Settings

# Where the text is shown, not run.
HIDDEN = SecretStr("[HIDDEN]")


@dataclass(frozen=True, slots=True)
class Access:
    """A user and a password. ClickHouse itself shows such a text without the password."""

    user: str = "kith"
    password: SecretStr = HIDDEN

    @classmethod
    def of(cls, settings: Settings) -> "Access":
        """Return Kith's own."""
        return cls(settings.clickhouse_user, settings.clickhouse_password)

    @property
    def clause(self) -> str:
        """Return it as part of a dictionary's source; with the password, so never to be logged."""
        return f"USER {_literal(self.user)} PASSWORD {_literal(self.password.get_secret_value())}"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
