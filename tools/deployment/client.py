"""Asks the services over HTTP; every failure becomes a sentence with a remedy."""

from typing import Any

import httpx

from tools.deployment.record import Deployment
from tools.terminal.failure import ExitCode, Failure

TIMEOUT_SECONDS = 30.0
AWAY = frozenset({502, 503, 504})


async def ready_problem(url: str) -> str | None:
    """Return what the service waits for; None when it is ready."""
    try:
        async with httpx.AsyncClient(timeout=3.0, trust_env=False) as http:
            answer = await http.get(f"{url}/readyz")
    except httpx.HTTPError as error:
        return f"does not answer at {url} ({type(error).__name__})"
    return None if answer.is_success else waits_for(answer)


def waits_for(answer: httpx.Response) -> str:
    """Return what a service that is not ready waits for, by its own answer."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError):
        return answer.text[:300]


class Services:
    """The three services of one deployment, asked directly: proxy settings are ignored."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def url(self, service: str) -> str:
        return self._deployment.url(service)

    def get(self, service: str, path: str, **parameters: str | None) -> Any:
        """Return the JSON of a GET; parameters that are None are left out.

        Raises:
            Failure: the service does not answer, or answers with a problem.
        """
        return accepted(self.send("GET", service, path, parameters=parameters)).json()

    def post(self, service: str, path: str, body: Any) -> Any:
        return accepted(self.send("POST", service, path, body=body)).json()

    def send(
        self,
        method: str,
        service: str,
        path: str,
        *,
        parameters: dict[str, str | None] | None = None,
        body: Any = None,
    ) -> httpx.Response:
        url = self.url(service)
        known = {name: value for name, value in (parameters or {}).items() if value is not None}
        try:
            return self._http.request(method, f"{url}{path}", params=known, json=body)
        except httpx.HTTPError as error:
            raise Failure(
                f"{service} does not answer at {url} ({type(error).__name__})",
                "Is it running? `coprod status` tells; `coprod up` starts it.",
                code=ExitCode.UNREACHABLE,
            ) from None


def problem_of(answer: httpx.Response) -> str | None:
    """Return the reason of the problem that was answered; None for another answer."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    return str(answer.json().get("reason"))


def accepted(answer: httpx.Response) -> httpx.Response:
    """Return the answer of a request that was accepted.

    Raises:
        Failure: it was not; the message and the remedy are those of the problem.
    """
    if answer.is_success:
        return answer
    if problem_of(answer) is None:
        raise Failure(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}")
    problem = answer.json()
    sentences = [problem.get("title"), problem.get("detail")]
    details = "".join(
        f"\n  {error.get('pointer')}: {error.get('detail')}"
        for error in problem.get("errors") or ()
    )
    raise Failure(
        f"{': '.join(filter(None, sentences))} ({problem.get('reason')}){details}",
        problem.get("remedy"),
        code=ExitCode.UNREACHABLE if answer.status_code in AWAY else ExitCode.PROBLEM,
    )
