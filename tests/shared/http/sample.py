"""A small service without a database, to look at what every service's HTTP has in common."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from shared.eventstore.port import Answer, Refusal, Rejected
from shared.http import bulk, health
from shared.http.application import application, document
from shared.http.paging import Cursor, Key, KeyText, Limit, Page, decode_cursor, page_of
from shared.http.problems import Meaning
from shared.http.strict import Day, StrictModel, Text
from shared.http.submission import Context, Submission, reply
from shared.runtime.telemetry import metrics_registry

WORDS = ("alder", "beech", "cedar", "elm", "fir")


class Reason(StrEnum):
    TAKEN = "name_taken"
    ODD = "odd"


MEANINGS = {Reason.TAKEN: Meaning(409, "The name is taken", "Choose another name.")}


class WordsKey(Key, frozen=True, tag="words"):
    word: KeyText


class Naming(StrictModel):
    name: Text
    day: Day | None = None


class Named(BaseModel):
    name: str


@dataclass(slots=True)
class Sample:
    """Takes every name but ``taken`` and ``odd``, and remembers what was submitted."""

    batches: list[Sequence[Submission]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    async def waits_for(self) -> Sequence[str]:
        return self.waiting

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Answer | Refusal]:
        self.batches.append(submissions)
        return [_outcome(submission) for submission in submissions]


def _outcome(submission: Submission) -> Answer | Refusal:
    assert isinstance(submission.body, Naming)
    match submission.body.name:
        case "taken":
            return Rejected(Reason.TAKEN, name="taken")
        case "odd":
            return Rejected(Reason.ODD)
        case name:
            return Answer(201, {"name": name, "day": None}, {"Coprod-Position": "t/0:1"})


async def _ticks() -> AsyncIterator[bytes]:
    while True:
        yield b"tick"
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


def sample_app(sample: Sample, hosts: Sequence[str] = ()) -> FastAPI:
    metrics = metrics_registry()
    app = application("sample", metrics, MEANINGS, _lifespan, hosts)
    app.include_router(health.router(sample.waits_for, metrics))
    app.include_router(
        bulk.router(bulk.BulkIntake({"org.coprod.sample.name": Naming}, sample.submit, MEANINGS))
    )

    @app.post("/v1/names", response_model=Named)
    async def name(body: Naming, context: Context) -> Response:
        (outcome,) = await sample.submit([Submission(body, context)])
        return reply(outcome)

    @app.get("/v1/words")
    async def words(cursor: Cursor = None, limit: Limit = 2) -> Page[str]:
        after = decode_cursor(cursor, WordsKey).word if cursor else ""
        rows = [word for word in WORDS if word > after][: limit + 1]
        return page_of(rows, limit, str, WordsKey)

    @app.post("/v1/failure")
    async def failure() -> None:
        raise ZeroDivisionError("the secret of the house")

    @app.post("/v1/database")
    async def database() -> None:
        raise ConnectionRefusedError("the database's address")

    @app.get("/v1/endless")
    async def endless() -> StreamingResponse:
        return StreamingResponse(_ticks())

    @app.get("/v1/flood")
    async def flood() -> Response:
        return Response(b"x" * 50_000_000)

    document(app, [Naming])
    return app
