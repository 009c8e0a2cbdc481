"""A deployment as the command line sees it: where its services are, what its directory records.

``coprod up`` writes DIR/deployment.json; a deployment run by somebody else (compose) is named by
``COPROD_REGISTRY_URL``, ``COPROD_EXCHANGE_URL`` and ``COPROD_INSIGHTS_URL`` instead.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.runtime.settings import SECRETS_DIR, with_password
from tools.terminal.failure import ExitCode, Failure, failure_of

SERVICES = ("registry", "exchange", "insights")
FILE_NAME = "deployment.json"
DEFAULT_DIRECTORY = ".coprod"
_ANOTHER = "Name another directory with --data DIR."

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The deployment's directory [default: $COPROD_DATA, else .coprod].",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Identity(BaseModel):
    """A process, told apart from a later one with the same number."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float  # seconds since the epoch, as the kernel tells it


class Kafka(BaseModel):
    """``origin``: "given" by the user, or run by `up` from "docker" or from "jars"."""

    bootstrap: str
    origin: str = "given"

    @property
    def managed(self) -> bool:
        return self.origin != "given"


class Deployment(BaseModel):
    """Everything that a tool needs to reach one deployment. ``log`` is None if it is unknown."""

    directory: Path | None = Field(default=None, exclude=True)
    deployment: str | None = None
    log: Literal["embedded", "kafka"] | None = None
    supervisor: Identity | None = None
    processes: dict[str, Identity] = {}
    urls: dict[str, str] = {}
    databases: dict[str, str] = {}
    readonly: dict[str, str] = {}
    admin: str | None = None
    passwords: dict[str, str] = {}
    kafka: Kafka | None = None
    topic_prefix: str = ""

    def url(self, service: str) -> str:
        """Return where a service listens.

        Raises:
            Failure: nobody told; the message names the variable that would.
        """
        return _known(
            self.urls,
            service,
            f"the address of {service} is not known",
            f"Set COPROD_{service.upper()}_URL, or name a deployment with --data DIR.",
        )

    def database(self, service: str) -> str:
        """Return the DSN with which the service itself writes."""
        return _known(
            self.databases,
            service,
            f"no access to the database of {service} is known",
            f"Set COPROD_{service.upper()}_DATABASE_URL to its address.",
        )

    def readonly_database(self, name: str) -> str:
        """Return the DSN with which ``name`` may be read and not written."""
        return _known(
            self.readonly,
            name,
            f"no read-only access to the database of {name} is known",
            "Set COPROD_READONLY_URL to the server that holds the databases, for instance "
            "postgresql://coprod_readonly:PASSWORD@127.0.0.1:5432",
        )


def _known(addresses: Mapping[str, str], name: str, problem: str, remedy: str) -> str:
    if name not in addresses:
        raise Failure(problem, remedy, code=ExitCode.UNREACHABLE)
    return addresses[name]


def directory_of(option: Path | None) -> Path:
    """Return the absolute directory that ``--data`` or the environment names."""
    return (option or Path(os.environ.get("COPROD_DATA") or DEFAULT_DIRECTORY)).absolute()


def read(directory: Path) -> Deployment | None:
    """Return what the directory records, or None where no deployment was ever made.

    Raises:
        Failure: it cannot be read.
    """
    try:
        text = (directory / FILE_NAME).read_bytes()
        deployment = Deployment.model_validate_json(text)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failure(failure_of(error).message, _ANOTHER, code=ExitCode.USAGE) from None
    except ValidationError:
        raise Failure(f"{directory / FILE_NAME} is no record of a deployment", _ANOTHER) from None
    return deployment.model_copy(update={"directory": directory})


def make_directory(directory: Path) -> None:
    """Make the directory of a deployment, if it is not there yet.

    Raises:
        Failure: it cannot be made, or nothing can be written in it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise Failure(failure_of(error).message, _ANOTHER, code=ExitCode.USAGE) from None


def write(deployment: Deployment, directory: Path) -> None:
    """Replace the record atomically. It holds passwords, so only its owner may read it."""
    # mkstemp makes the file readable for its owner alone
    handle, name = tempfile.mkstemp(dir=directory, prefix=f".{FILE_NAME}.")
    with os.fdopen(handle, "wb") as file:
        file.write(deployment.model_dump_json(indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(directory / FILE_NAME)


def find(option: Path | None = None) -> Deployment:
    """Return the deployment that ``--data``, addresses in the environment or $COPROD_DATA name.

    Raises:
        Failure: there is none.
    """
    if option is None and (named := _from_environment()) is not None:
        return named
    directory = directory_of(option)
    deployment = read(directory)
    if deployment is None:
        raise Failure(
            f"there is no deployment in {directory}",
            "Start one with `coprod up`, name another with --data DIR, or set COPROD_REGISTRY_URL, "
            "COPROD_EXCHANGE_URL and COPROD_INSIGHTS_URL.",
            code=ExitCode.UNREACHABLE,
        )
    return deployment


def _from_environment() -> Deployment | None:
    urls = {name: os.environ.get(f"COPROD_{name.upper()}_URL") for name in SERVICES}
    known = {name: url.rstrip("/") for name, url in urls.items() if url}
    if not known:
        return None
    bootstrap = os.environ.get("COPROD_KAFKA_BOOTSTRAP")
    return Deployment(
        log=_log_from_environment(bootstrap),
        urls=known,
        databases=_databases_from_environment(),
        readonly=_readonly_from_environment(),
        kafka=Kafka(bootstrap=bootstrap) if bootstrap else None,
        topic_prefix=os.environ.get("COPROD_TOPIC_PREFIX", ""),
    )


def _log_from_environment(bootstrap: str | None) -> Literal["embedded", "kafka"] | None:
    named = os.environ.get("COPROD_LOG")
    if named == "kafka" or (named is None and bootstrap):
        return "kafka"
    return "embedded" if named == "embedded" else None


def _databases_from_environment() -> dict[str, str]:
    found = {name: os.environ.get(f"COPROD_{name.upper()}_DATABASE_URL") for name in SERVICES}
    return {
        name: with_password(url, secret(f"{name}_password")) for name, url in found.items() if url
    }


def _readonly_from_environment() -> dict[str, str]:
    server = os.environ.get("COPROD_READONLY_URL")
    if not server:
        return {}
    server = with_password(server.rstrip("/"), secret("readonly_password"))
    return {name: f"{server}/coprod_{name}" for name in (*SERVICES, "log")}


def secret(name: str) -> str | None:
    """Return a secret from ``COPROD_<NAME>`` or from its file below /run/secrets."""
    value = os.environ.get(f"COPROD_{name.upper()}")
    if value:
        return value
    file = SECRETS_DIR / f"coprod_{name}"
    return file.read_text().strip() if file.is_file() else None
