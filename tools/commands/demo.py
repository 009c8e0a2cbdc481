"""``coprod demo`` and ``coprod simulate``: a town that is not real, in a deployment that is."""

import asyncio
from typing import Annotated

import typer

from tools.commands.up import (
    BootstrapOption,
    FreshOption,
    LogOption,
    PortBaseOption,
    announce,
    options,
)
from tools.deployment.record import DataOption, Deployment, JsonOption, find
from tools.deployment.supervisor import run
from tools.terminal.output import print_json, say
from tools.town.chronicle import AGE_DAYS
from tools.town.player import DEFAULT_SEED, TownOptions, play

SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Another seed is another town.")]
RateOption = Annotated[
    float, typer.Option("--rate", min=0, help="Deeds a second once the past is played; 0 for none.")
]


def demo(  # noqa: PLR0913, PLR0917 - the options of the command
    log: LogOption = None,
    bootstrap: BootstrapOption = None,
    data: DataOption = None,
    port_base: PortBaseOption = 8400,
    fresh: FreshOption = False,
    seed: SeedOption = DEFAULT_SEED,
    rate: RateOption = 1.0,
) -> None:
    """Start a deployment and play a town in it: its past quickly, then life goes on.

    Ctrl-C ends it all. A second demo on the same directory goes on from where the first one was.
    """

    async def session(deployment: Deployment) -> None:
        announce(deployment)
        await play(deployment.urls, TownOptions(seed=seed, rate=rate), say)
        say(f"the town is quiet now; its dashboard stays at {deployment.urls['insights']}/")
        await asyncio.Event().wait()

    run(options(log, bootstrap, data, port_base, fresh=fresh), session)


def simulate(
    rate: RateOption = 5.0,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0, help="For how long [default: until Ctrl-C]."),
    ] = None,
    seed: SeedOption = DEFAULT_SEED,
    days: Annotated[
        int, typer.Option("--days", min=1, max=3650, help="How old the town is when it is new.")
    ] = AGE_DAYS,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play a seeded town in a running deployment, at a rate; the same seed repeats nothing."""
    deployment = find(data)
    urls = {name: deployment.url(name) for name in ("registry", "exchange")}
    played = asyncio.run(play(urls, TownOptions(seed, days, rate, seconds), say))
    if as_json:
        print_json(
            {"accepted": played.accepted, "refused": played.refused, "reasons": played.reasons}
        )
    else:
        say(f"{played.accepted} commands accepted, {played.refused} refused")
