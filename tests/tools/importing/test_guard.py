import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.importing.guard import guarded, unguarded

SIGNS = st.text(st.sampled_from("'=+-@\t\r ａ＝1"), max_size=8)  # noqa: RUF001


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", " =1", "'=1", "＝1"])  # noqa: RUF001
def test_what_a_spreadsheet_would_run_is_text_when_guarded(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "anna", "'t Hooft", "12", "a=b", "'"])
def test_what_it_would_not_run_stays(cell: str) -> None:
    assert guarded(cell) == unguarded(cell) == cell


@given(st.text() | SIGNS)
def test_every_cell_comes_back_as_it_was(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
