"""``python -m tests.simulation``: many schedules, or one again by its seed."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from tests.simulation.play import Tally, play, prepare

CHUNK = 10


def main(
    schedules: Annotated[int, typer.Option(help="how many to play")] = 1_000,
    first: Annotated[int, typer.Option(help="the seed of the first")] = 0,
    seed: Annotated[int | None, typer.Option(help="play this one alone, and tell it all")] = None,
    processes: Annotated[int, typer.Option(help="how many at once")] = os.cpu_count() or 1,
    mutation: Annotated[str, typer.Option(help="break the protocols in this way first")] = "",
) -> None:
    """Play schedules of bad luck and report the seeds of those in which a promise was broken."""
    _same_order_of_sets()
    if seed is not None:
        prepare(mutation, loud=True)
        total = play(range(seed, seed + 1))
    else:
        total = _play_all(range(first, first + schedules), processes, mutation)
    _report(total)
    raise typer.Exit(1 if total.broken else 0)


def _play_all(seeds: range, processes: int, mutation: str) -> Tally:
    """Play them side by side; stop soon after the first that broke a promise."""
    total = Tally()
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    console = Console(stderr=True)
    with ProcessPoolExecutor(
        processes, get_context("spawn"), prepare, (mutation,), max_tasks_per_child=200
    ) as pool:
        waiting = iter(chunks)
        running = [pool.submit(play, chunk) for chunk in islice(waiting, processes * 2)]
        for _ in track(chunks, "playing schedules", console=console):
            total.add(running.pop(0).result())
            if total.broken:
                break
            running.extend(pool.submit(play, chunk) for chunk in islice(waiting, 1))
        pool.shutdown(cancel_futures=True)
    return total


def _report(total: Tally) -> None:
    for seed, broken in total.broken:
        print(f"seed {seed} broke a promise; again with: python -m tests.simulation --seed {seed}")
        for promise in broken:
            print(f"  {promise}")
    print(
        f"{total.schedules} schedules of {total.seconds:.0f} simulated seconds: "
        f"{total.events} events, {total.records} records, {len(total.broken)} broken"
    )
    print(", ".join(f"{kind} {times}" for kind, times in sorted(total.struck.items())))


def _same_order_of_sets() -> None:
    """Begin again with a fixed hash seed: a schedule must be the same one each time."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        arguments: Iterator[str] = iter(sys.argv[1:])
        command = [sys.executable, "-m", "tests.simulation", *arguments]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606


if __name__ == "__main__":
    typer.run(main)
