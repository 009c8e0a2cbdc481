"""Makes a service's FastAPI application: its middleware, its problems, its OpenAPI document."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.http import bulk, problems
from shared.http.body import WholeBody
from shared.http.middleware import HeadAsGet, HttpMeters, RequestLog
from shared.http.policy import RequestPolicy

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
SCHEMA_REF = "#/components/schemas/{model}"
COMMAND_STATUSES = (403, 409, 412, 413, 415)
EVERY_STATUS = (400, 421, 422, 500, 503)
DESCRIPTIONS = {
    400: "The body is not JSON, or the request is not sound",
    403: "A page of another site sent it",
    404: "There is no such thing",
    409: "It conflicts with what is already there",
    412: "The version in If-Match is not the current one",
    413: "Too large",
    415: "A media type or an encoding that is not taken",
    421: "Not a host name of this service",
    422: "The request breaks the documented form or a rule",
    500: "The service failed",
    503: "The service is not ready; try again",
}


def application(
    title: str,
    registry: CollectorRegistry,
    meanings: problems.Meanings,
    lifespan: Lifespan,
    hosts: Sequence[str] = (),
) -> FastAPI:
    """Return an application without routes; ``document`` it when the routes are there.

    It answers under the names of loopback and under ``hosts``.
    """
    # Interactive documentation pages would load scripts from elsewhere.
    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would send the next request, with its names, to plain http
        separate_input_output_schemas=False,
    )
    problems.install(app, meanings)
    app.add_middleware(WholeBody, larger={bulk.PATH: bulk.BYTES_MAX})
    app.add_middleware(RequestPolicy, hosts=hosts)
    app.add_middleware(RequestLog, meters=HttpMeters(registry))
    app.add_middleware(HeadAsGet)
    return app


def document(app: FastAPI, bodies: Sequence[type[BaseModel]] = ()) -> None:
    """Make ``/openapi.json`` say every error as a problem; ``bodies``: models of bulk commands."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(
                get_openapi(title=app.title, version=app.version, routes=app.routes), bodies
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _described(document: dict[str, Any], bodies: Sequence[type[BaseModel]]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    models: list[type[BaseModel]] = [problems.Problem, *bodies]
    _, extra = models_json_schema(
        [(model, "validation") for model in models], ref_template=SCHEMA_REF
    )
    for name, schema in extra["$defs"].items():
        schemas.setdefault(name, schema)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"] = _with_problems(path, method, operation["responses"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _with_problems(path: str, method: str, responses: Mapping[str, Any]) -> dict[str, Any]:
    statuses = {*EVERY_STATUS}
    if method != "get":
        statuses |= {*COMMAND_STATUSES, 404}
    if "{" in path:
        statuses.add(404)
    told = {status: found for status, found in responses.items() if int(status) < 400}
    return told | {str(status): _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": SCHEMA_REF.format(model=problems.Problem.__name__)}
    return {
        "description": DESCRIPTIONS[status],
        "content": {problems.MEDIA_TYPE: {"schema": schema}},
    }
