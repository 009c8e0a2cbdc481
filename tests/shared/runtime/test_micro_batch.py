"""What comes while a batch is under way is done together, and each is answered alone."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.runtime.micro_batch import Gathering

BATCH_MAX = 5


class Slow:
    """Answers with ten times the number, when it is told to; ``failures`` are of numbers."""

    def __init__(self, failures: dict[int, Exception] | None = None) -> None:
        self.failures = failures or {}
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()

    async def work(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(numbers))
        await self.go.wait()
        for number in numbers:
            if number in self.failures:
                raise self.failures[number]
        return [number * 10 for number in numbers]


def gathering_of(slow: Slow, at_once: int = 1) -> Gathering[int, int]:
    return Gathering(slow.work, BATCH_MAX, lambda failure: isinstance(failure, OSError), at_once)


async def begun(gathering: Gathering[int, int], *numbers: int) -> list["asyncio.Task[int]"]:
    tasks = [asyncio.create_task(gathering.take(number)) for number in numbers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_those_that_come_while_one_is_under_way_are_done_together() -> None:
    slow = Slow()
    gathering = gathering_of(slow)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, 2, 3, 4)
    assert slow.batches == [[1]]
    slow.go.set()
    assert await asyncio.gather(*tasks) == [10, 20, 30, 40]
    assert slow.batches == [[1], [2, 3, 4]]


async def test_as_many_batches_are_under_way_as_may_be() -> None:
    slow = Slow()
    gathering = gathering_of(slow, at_once=2)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, 2, 3)
    tasks += await begun(gathering, 4, 5)
    assert slow.batches == [[1], [2, 3]]
    slow.go.set()
    assert await asyncio.gather(*tasks) == [10, 20, 30, 40, 50]
    assert slow.batches == [[1], [2, 3], [4, 5]]


async def test_no_batch_grows_beyond_what_was_asked() -> None:
    slow = Slow()
    gathering = gathering_of(slow)
    tasks = await begun(gathering, *range(BATCH_MAX + 3))
    slow.go.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in slow.batches] == [5, 3]


async def test_one_that_fails_fails_alone() -> None:
    slow = Slow({3: ValueError("nobody expected this")})
    gathering = gathering_of(slow)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, 2, 3, 4)
    slow.go.set()
    *others, failed, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert [*others, last] == [10, 20, 40]
    assert failed is slow.failures[3]
    assert slow.batches == [[1], [2, 3, 4], [2], [3], [4]]


async def test_what_strikes_all_is_told_to_all_and_nothing_is_tried_again() -> None:
    slow = Slow({3: ConnectionError("gone")})
    gathering = gathering_of(slow)
    tasks = await begun(gathering, 1)
    tasks += await begun(gathering, 2, 3)
    slow.go.set()
    first, *others = await asyncio.gather(*tasks, return_exceptions=True)
    assert first == 10
    assert others == [slow.failures[3]] * 2
    assert slow.batches == [[1], [2, 3]]
    (after,) = await begun(gathering, 4)
    assert await after == 40


@pytest.mark.parametrize("stays", [True, False])
async def test_who_leaves_before_the_turn_came_is_left_out(stays: bool) -> None:
    slow = Slow()
    gathering = gathering_of(slow)
    first, left, *others = await begun(gathering, 1, *range(2, 4 if stays else 3))
    left.cancel()
    first.cancel()
    slow.go.set()
    for task in others:
        assert await task == 30
    (after,) = await begun(gathering, 4)
    assert await after == 40
    assert [one for batch in slow.batches[1:] for one in batch if one == 2] == []
