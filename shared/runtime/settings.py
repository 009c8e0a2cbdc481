"""What may differ between two installations of the same service, read from the environment."""

from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_DIR = Path("/run/secrets")
HOSTS = r"^[A-Za-z0-9._:,\[\]-]*$"
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared with


class ServiceSettings(BaseSettings):
    """``COPROD_DATABASE_URL`` and so on; a file of that name in the secrets directory does as well.

    ``database_password`` completes a ``database_url`` that names a user and no password.
    ``log_url`` is the database of the embedded log; ``kafka_bootstrap`` is ``HOST:PORT[,…]``.
    ``broken_run_max`` is how many broken records in a row are quarantined before the process stops.
    ``stream_clients_max`` is how many clients of the live stream one process admits, each with an
    open file of its own; only insights has any. ``connections_max`` is how many connections it
    holds beside them. ``hosts`` are the names, with or without a port, under which it answers
    beside those of loopback: ``NAME[:PORT][,…]``.
    ``failpoints`` break the process on purpose (``shared.runtime.failpoint``), never in
    ``production``.
    """

    model_config = SettingsConfigDict(
        env_prefix="COPROD_", extra="ignore", hide_input_in_errors=True
    )

    database_url: str = Field(repr=False)
    database_password: SecretStr | None = None
    log: Literal["embedded", "kafka"] = "embedded"
    log_url: str | None = Field(default=None, repr=False)
    kafka_bootstrap: str | None = None
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]{0,40}$")
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    hosts: str = Field(default="", pattern=HOSTS)
    allow_unauthenticated: bool = False
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    broken_run_max: int = Field(default=100, ge=1)
    stream_clients_max: int = Field(default=10_000, ge=1)
    connections_max: int = Field(default=2_000, ge=1)
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
    def _nobody_else_listens_unasked(self) -> Self:
        if not _loopback(self.host) and not self.allow_unauthenticated:
            raise ValueError(
                f"COPROD_HOST={self.host} lets other machines in, and this service asks nobody who "
                "they are. Listen on 127.0.0.1; or, where only a proxy that authenticates or this "
                "host's own network reaches it, set COPROD_ALLOW_UNAUTHENTICATED=true as well."
            )
        return self

    @model_validator(mode="after")
    def _production_is_not_broken_on_purpose(self) -> Self:
        if self.production and self.failpoints:
            raise ValueError("COPROD_FAILPOINTS breaks a service on purpose: not in production")
        return self

    @property
    def host_names(self) -> list[str]:
        """The names beside those of loopback under which the service answers."""
        named = [name for name in self.hosts.split(",") if name]
        if _loopback(self.host) or self.host in EVERYWHERE:
            return named
        return [*named, f"[{self.host}]" if ":" in self.host else self.host]


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
        SystemExit: something is missing or of the wrong form; it names each, and shows no value.
    """
    try:
        return ServiceSettings(_secrets_dir=secrets_dir if secrets_dir.is_dir() else None)
    except ValidationError as refused:
        raise SystemExit("\n".join(map(_told, refused.errors(include_url=False)))) from None


def _told(error: ErrorDetails) -> str:
    """Return one line that names the setting; a rule of several settings names them itself."""
    where = "".join(f"COPROD_{str(name).upper()}: " for name in error["loc"])
    return f"not started: {where}{error['msg'].removeprefix('Value error, ')}"
