"""The libraries of the page are the files of their packages, as the decision names them."""

import hashlib
import re
from pathlib import Path

from services.insights.app import DASHBOARD

VENDOR = DASHBOARD / "vendor"
DECISION = (
    Path(__file__).parents[4] / "docs" / "decisions" / "0007-the-page-needs-no-build.md"
).read_text()


def test_every_vendored_file_is_the_one_of_its_package_and_has_a_licence() -> None:
    told = dict(re.findall(r"^\| `([^`]+)` \| .+ \| `([0-9a-f]{64})` \|$", DECISION, re.MULTILINE))
    found = {
        str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*.js")
    }

    assert found == told
    assert all((VENDOR / file).with_name("LICENSE").is_file() for file in found)
