"""What may differ between two installations of the same service, read from the environment."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_DIR = Path("/run/secrets")


class ServiceSettings(BaseSettings):
    """``COPROD_DATABASE_URL`` and so on; a file of that name in the secrets directory does as well.

    ``database_password`` completes a ``database_url`` that names a user and no password.
    ``log_url`` is the database of the embedded log; ``kafka_bootstrap`` is ``HOST:PORT[,…]``.
    ``broken_run_max`` is how many broken records in a row are quarantined before the process stops.
    ``stream_clients_max`` is how many clients of the live stream one process admits, each with an
    open file of its own; only insights has any.
    ``failpoints`` break the process on purpose (``shared.failpoint``), and never in ``production``.
    """

    model_config = SettingsConfigDict(env_prefix="COPROD_", extra="ignore")

    database_url: str = Field(repr=False)
    database_password: SecretStr | None = None
    log: Literal["embedded", "kafka"] = "embedded"
    log_url: str | None = Field(default=None, repr=False)
    kafka_bootstrap: str | None = None
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]{0,40}$")
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    broken_run_max: int = Field(default=100, ge=1)
    stream_clients_max: int = Field(default=10_000, ge=1)
    failpoints: str = ""
    production: bool = False

    @model_validator(mode="after")
    def _password_is_in_the_address(self) -> Self:
        if self.database_password is not None:
            password = self.database_password.get_secret_value()
            self.database_url = with_password(self.database_url, password)
        return self

    @model_validator(mode="after")
    def _log_is_reachable(self) -> Self:
        if self.log == "embedded" and self.log_url is None:
            raise ValueError("COPROD_LOG=embedded needs COPROD_LOG_URL, the database of the log")
        if self.log == "kafka" and self.kafka_bootstrap is None:
            raise ValueError("COPROD_LOG=kafka needs COPROD_KAFKA_BOOTSTRAP, HOST:PORT[,HOST:PORT]")
        return self

    @model_validator(mode="after")
    def _production_is_not_broken_on_purpose(self) -> Self:
        if self.production and self.failpoints:
            raise ValueError("COPROD_FAILPOINTS breaks a service on purpose: not in production")
        return self


def with_password(dsn: str, password: str | None) -> str:
    """Return the DSN with a password, unless it has one or there is none to give."""
    scheme, _, rest = dsn.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not password or not at or ":" in user:
        return dsn
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}{slash}{path}"


def load_settings(secrets_dir: Path = SECRETS_DIR) -> ServiceSettings:
    """Return the settings of this process; secret files are read where their directory exists.

    Raises:
        pydantic.ValidationError: something is missing or of the wrong form.
    """
    return ServiceSettings(_secrets_dir=secrets_dir if secrets_dir.is_dir() else None)
