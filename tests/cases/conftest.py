"""One real deployment for all cases; each test is an agency of its own in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases.office import Office
from tests.support.deployment import Up, free_port_base, up


@pytest.fixture(scope="session")
def cases_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("cases") / "data", free_port_base()) as deployment:
        assert deployment.ready["ready"] is True
        yield deployment


@pytest.fixture
def office(cases_deployment: Up, tmp_path: Path, request: pytest.FixtureRequest) -> Office:
    agency = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[-60:].strip("-")
    return Office(cases_deployment, agency, tmp_path)
