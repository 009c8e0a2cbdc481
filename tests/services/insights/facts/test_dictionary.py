"""Names become numbers: each has one, and only what met a new name is made again."""

import asyncio

import pytest

from services.insights.facts import dictionary as module
from services.insights.facts.dictionary import Codebook
from services.insights.projection.store import Pool

pytestmark = pytest.mark.postgres


async def test_only_what_met_a_new_name_is_made_again(pool: Pool) -> None:
    codebook = Codebook(pool)
    known = await codebook.code("participant", "ann")
    asked: list[str] = []

    def make(name: str, code: module.Code) -> int:
        asked.append(name)
        return code("participant", name)

    made = await codebook.coded_each(["ann", "bob", "ann", "bob", "cleo"], make)

    assert asked == ["ann", "bob", "ann", "bob", "cleo", "bob", "bob", "cleo"]
    assert made[0] == made[2] == known
    assert made[1] == made[3]
    assert len(set(made)) == 3
    assert await Codebook(pool).coded_each(["cleo", "bob"], make) == [made[4], made[1]]


async def test_who_meets_new_names_at_the_same_time_has_the_same_codes(pool: Pool) -> None:
    names = [f"person-{number}" for number in range(500)]

    made = await asyncio.gather(
        *(
            Codebook(pool).coded_each(order, lambda one, code: (one, code("participant", one)))
            for order in (names, names[::-1], names[250:], names[:300])
        )
    )

    assert len({code for codes in made for _, code in codes}) == len(names)
    assert all(dict(codes).items() <= dict(made[0]).items() for codes in made)


async def test_a_memory_that_was_emptied_learns_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED_MAX", 4)
    codebook = Codebook(pool)
    first = await codebook.coded_each(["a", "b", "c"], lambda one, code: code("kind", one))

    pairs = [("a", "d"), ("e", "b"), ("c", "f")]
    again = await codebook.coded_each(
        pairs, lambda pair, code: (code("kind", pair[0]), code("kind", pair[1]))
    )

    assert [again[0][0], again[1][1], again[2][0]] == first
    assert len({number for pair in again for number in pair}) == 6
