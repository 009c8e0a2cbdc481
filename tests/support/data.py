"""Real data that nobody here wrote, in a folder beside the checkout."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"


def data(*parts: str) -> Path:
    """Return a file or folder of the data, or skip the test loudly where it is not there."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"=== NOT TESTED ON REAL DATA: {path} is not there ===")
    return path
