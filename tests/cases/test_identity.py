"""What an id in a file stands for, and what importing a file may do to what was there."""

import pytest

from tests.cases.office import Office

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(600)]


def test_the_same_file_again_changes_nothing(office: Office) -> None:
    office.take("27-full.csv")

    again = office.take("27-full.csv")

    assert again.effects == {"unchanged": 2}
    assert [act["minutes"] for act in office.standing("c27")] == [45, 60]
