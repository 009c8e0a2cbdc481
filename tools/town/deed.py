"""Deeds: what somebody in the town does, as the commands that tell the services of it.

People and services are named by the town's own ids; whoever plays a deed knows the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

Data = dict[str, Any]

# How a recorded contribution goes on; what is left over is confirmed and stays so.
DISPUTED_AND_KEPT = 0.015
DISPUTED_AND_VOIDED = 0.01
CORRECTED = 0.02
VOIDED = 0.01


@dataclass(frozen=True, slots=True)
class DeedStep:
    """One command to exchange. ``refers``: the field for the id that the first step was given."""

    command: str
    data: Data
    refers: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Steps in order of time; ``key`` is unique in the town and the same whenever it is played."""

    key: str
    service: str
    steps: tuple[DeedStep, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where and when something happens, and the chance that decides how.

    ``live``: it happens now, so that what follows from it is still to come.
    """

    key: str
    service: str
    at: datetime
    random: Random
    day_number: int
    live: bool = False

    def deed(self, number: int, *steps: DeedStep) -> Deed:
        return Deed(f"{self.key}/{number}", self.service, steps)

    def later(self, name: str, at: datetime) -> dict[str, str]:
        """Return the field that says when; live, what comes later happens when it is told."""
        return {} if self.live else {name: text(at)}

    def several(self, people: Sequence[str], count: int) -> list[str]:
        return self.random.sample(people, min(count, len(people)))

    def one(self, people: Sequence[str]) -> str:
        return self.random.choice(people)


def gift(
    scene: Scene, giver: str, confirmer: str, minutes: int, **about: Any
) -> tuple[DeedStep, ...]:
    """Return a contribution, which ``confirmer`` mostly confirms."""
    varied = minutes + scene.random.choice((-5, 0, 0, 0, 5)) if minutes > 10 else minutes
    data = {
        "service_id": scene.service,
        "giver_id": giver,
        "occurred_at": text(scene.at),
        "mode": "act",
        "minutes": varied,
        **about,
    }
    return DeedStep("record-contribution", data), *_life(scene.random.random(), confirmer, varied)


def opinion(scene: Scene, giver: str, confirmer: str) -> tuple[DeedStep, ...]:
    data = {
        "service_id": scene.service,
        "giver_id": giver,
        "occurred_at": text(scene.at),
        "mode": "opinion",
        "choice": scene.random.choices(("agree", "disagree", "pass"), (6, 3, 1))[0],
        "minutes": scene.random.choice((2, 3, 5)),
        "channel": scene.random.choices(("online", "paper"), (4, 1))[0],
    }
    return DeedStep("record-contribution", data), _confirmed(confirmer)


def feedback(scene: Scene, giver: str, answerer: str) -> tuple[DeedStep, ...]:
    """Return feedback that is mostly answered, and sometimes changes something."""
    draw = scene.random
    given = {
        "service_id": scene.service,
        "participant_id": giver,
        "score": draw.choice((3, 4, 4, 5)),
        "trust": draw.choice((3, 4, 5)),
        "given_at": text(scene.at),
    }
    answered_at = scene.at + timedelta(minutes=draw.randint(10, 60))
    answer = {"by": answerer} | scene.later("answered_at", answered_at)
    level = {"level": draw.choice(("process", "role"))}
    changed = level | scene.later("implemented_at", answered_at + timedelta(minutes=30))
    steps = [DeedStep("give-feedback", given)]
    if draw.random() < 0.85:
        steps.append(DeedStep("answer-feedback", answer, "feedback_id"))
        if draw.random() < 0.4:
            steps.append(DeedStep("implement-change", changed, "feedback_id"))
    return tuple(steps)


def decision(
    scene: Scene, level: str, votes: dict[str, int], amount: int = 0
) -> tuple[DeedStep, ...]:
    """Return a decision with one vote a person, and the money that it allocates, if any."""
    data = {
        "service_id": scene.service,
        "level": level,
        "weights": votes,
        "voters": votes,
        "decided_at": text(scene.at),
    }
    money = {
        "service_id": scene.service,
        "amount": amount,
        "currency": "EUR",
        "allocated_at": text(scene.at),
    }
    taken = DeedStep("take-decision", data)
    return (taken, DeedStep("allocate-resource", money, "decision_id")) if amount else (taken,)


def consultation(scene: Scene, title: str) -> tuple[DeedStep, ...]:
    data = {"service_id": scene.service, "title": title, "opened_at": text(scene.at)}
    return (DeedStep("open-consultation", data),)


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _life(chance: float, other: str, minutes: int) -> tuple[DeedStep, ...]:
    confirmed = _confirmed(other)
    disputed = DeedStep(
        "dispute-contribution", {"by": other, "reason_code": "time_differs"}, "contribution_id"
    )
    if chance < DISPUTED_AND_KEPT:
        return confirmed, disputed, _resolved(other, "rejected")
    chance -= DISPUTED_AND_KEPT
    if chance < DISPUTED_AND_VOIDED:
        return disputed, _resolved(other, "upheld")
    chance -= DISPUTED_AND_VOIDED
    if chance < CORRECTED:
        changes = {"minutes": minutes + 5}
        corrected = {"by": other, "changes": changes}
        return confirmed, DeedStep("correct-contribution", corrected, "contribution_id")
    chance -= CORRECTED
    if chance < VOIDED:
        voided = {"by": other, "reason_code": "entered_twice"}
        return (DeedStep("void-contribution", voided, "contribution_id"),)
    return (confirmed,)


def _confirmed(by: str) -> DeedStep:
    return DeedStep("confirm-contribution", {"by": by}, "contribution_id")


def _resolved(by: str, outcome: str) -> DeedStep:
    return DeedStep("resolve-dispute", {"by": by, "outcome": outcome}, "contribution_id")
