"""``coprod verdict`` and ``coprod metrics``: what insights says of one service."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from tools.deployment.client import Services
from tools.deployment.record import DataOption, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, print_table, result_console

Window = Literal["28d", "90d", "365d", "life"]

ServiceArgument = Annotated[
    str, typer.Argument(metavar="SERVICE", help="The service's id, or its agency's own id of it.")
]
AgencyOption = Annotated[
    str | None, typer.Option("--agency", help="Whose own id it is, where several agencies use it.")
]
WindowOption = Annotated[Window, typer.Option("--window", help="Which days count.")]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="YYYY-MM-DD, a UTC day [default: today]."),
]
LensOption = Annotated[
    Literal["count", "minutes"] | None,
    typer.Option("--lens", help="What weighs an act [default: the one the verdict uses]."),
]
LanguageOption = Annotated[
    Literal["en", "fr"], typer.Option("--language", help="Of what is printed.")
]


def verdict(  # noqa: PLR0913, PLR0917 - the options of the command
    service: ServiceArgument,
    window: WindowOption = "90d",
    as_of: AsOfOption = None,
    agency: AgencyOption = None,
    language: LanguageOption = "en",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a service is classified, why, and what would change it."""
    services = Services(find(data))
    answer = services.get(
        "insights",
        f"/v1/services/{quote(identify(services, service, agency), safe='')}/verdict",
        window=window,
        as_of=as_of,
    )
    if as_json:
        print_json(answer)
    else:
        _print_verdict(answer, _Language(services, language))


def metrics(  # noqa: PLR0913, PLR0917 - the options of the command
    service: ServiceArgument,
    window: WindowOption = "90d",
    as_of: AsOfOption = None,
    lens: LensOption = None,
    agency: AgencyOption = None,
    language: LanguageOption = "en",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every figure of a service, with what it rests on or why there is none."""
    services = Services(find(data))
    answer = services.get(
        "insights",
        f"/v1/services/{quote(identify(services, service, agency), safe='')}/metrics",
        window=window,
        as_of=as_of,
        lens=lens,
    )
    if as_json:
        print_json(answer)
    else:
        _print_metrics(answer, _Language(services, language))


def identify(services: Services, name: str, agency: str | None) -> str:
    """Return what to call the service in an address: its id where an agency narrows the name down.

    Raises:
        Failure: the agency has no such service.
    """
    if agency is None:
        return name
    found = services.get("registry", "/v1/services", agency_id=agency, local_id=name)["items"]
    if not found:
        raise Failure(
            f"agency {agency} has no service that it calls {name}",
            "The dashboard and registry's /v1/services list what there is.",
            code=ExitCode.PROBLEM,
        )
    return str(found[0]["service_id"])


class _Language:
    """What insights calls things in one language; the words are asked for once a command."""

    def __init__(self, services: Services, language: str) -> None:
        published = services.get("insights", "/v1/definitions")
        self._code = language
        self._words = published["words"]
        self._names = {one["id"]: one["name"] for one in published["metrics"]}

    def word(self, kind: str, key: str) -> str:
        """Return the word; of what this build of insights does not know, the key."""
        return self.of(self._words.get(kind, {}).get(key)) or key.replace("_", " ")

    def figure(self, id_: str) -> str:
        return self.of(self._names.get(id_)) or id_

    def part(self, name: str, **values: str) -> str:
        """Return a part of a verdict with its values, its first letter a capital."""
        text = self.word("parts", name).format(**values)
        return text[:1].upper() + text[1:]

    def of(self, texts: dict[str, Any] | None) -> Any:
        return (texts or {}).get(self._code)


def _print_verdict(answer: dict[str, Any], said: _Language) -> None:
    console = result_console()
    grade = f", {said.word('grades', answer['grade'])}" if answer.get("grade") else ""
    tentative = f" ({said.word('parts', 'tentative')})" if answer["tentative"] else ""
    console.print(f"[bold]{said.word('classes', answer['class'])}{grade}[/bold]{tentative}")
    for line in _lines(answer, said):
        console.print(line, markup=False)
    _print_tests(answer["tests"], said)


def _lines(answer: dict[str, Any], said: _Language) -> Iterator[str]:
    yield _heading(answer, said)
    yield "; ".join(
        f"{said.word('shares', axis)}: {_axis(answer, axis, said)}" for axis in ("p", "d")
    )
    evidence = {name: str(count) for name, count in answer["evidence"].items()}
    evidence["days"] = evidence.pop("span_days")
    yield f"{said.part('evidence')}: {said.word('parts', 'evidence_text').format(**evidence)}"
    flags = (said.word("flags", flag) for flag in answer["flags"])
    yield from (f"  - {why}" for why in dict.fromkeys([*said.of(answer["reasons"]), *flags]))
    for sentence in said.of(answer["waiting"]["text"]):
        yield f"{said.part('waiting')}: {sentence}"
    if flip := answer.get("nearest_flip"):
        yield f"{said.part('nearest_flip')}: {said.of(flip['text'])}"
    if since := answer.get("holds_since"):
        yield f"{said.part('holds_since')} {said.part('holds_since_day', day=since)}"
    yield f"{said.part('announced')}: {_announced(answer.get('announced'), said)}"
    last = answer.get("last_evidenced")
    if last and last["as_of"] != answer["as_of"]:
        verdict = said.word("classes", last["class"])
        yield f"{said.part('last_evidenced')}: {verdict} ({last['as_of']})"


def _heading(answer: dict[str, Any], said: _Language) -> str:
    window, lens = said.word("windows", answer["window"]), said.word("lenses", answer["lens"])
    return f"{answer['service_id']} · {window} · {answer['as_of']} · {lens}"


def _announced(announced: dict[str, Any] | None, said: _Language) -> str:
    if announced is None:
        return said.word("parts", "not_announced")
    verdict = said.word("classes", announced["class"])
    return said.word("parts", "announced_on").format(verdict=verdict, day=announced["since"])


def _axis(answer: dict[str, Any], axis: str, said: _Language) -> str:
    match answer["axis_reasons"].get(axis):
        case None:
            return _shown(answer["axes"][axis])
        case "no_data":
            return said.word("parts", "unobserved")
        case reason:
            return said.word("reasons", reason)


def _print_tests(tests: dict[str, dict[str, Any]], said: _Language) -> None:
    print_table(
        said.part("tests"),
        ("test", "asks", "answer", "looks at", "value", "asked", "n", "why none"),
        [
            (
                id_,
                said.of(test["text"]),
                said.word("answers", test["verdict"]),
                said.figure(test["metric"]),
                _shown(test.get("value")),
                test["threshold"],
                test.get("n"),
                _why(test.get("reason"), said),
            )
            for id_, test in tests.items()
        ],
    )


def _why(reason: str | None, said: _Language) -> str | None:
    return said.word("reasons", reason) if reason else None


def _shown(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _print_metrics(answer: dict[str, Any], said: _Language) -> None:
    print_table(
        _heading(answer, said),
        ("metric", "name", "value", "interval", "n", "why none"),
        [
            (
                id_,
                said.figure(id_),
                figure.get("value"),
                _interval(figure),
                figure["n"],
                _why(figure.get("reason"), said),
            )
            for id_, figure in answer["metrics"].items()
        ],
    )


def _interval(figure: dict[str, Any]) -> str | None:
    interval = figure.get("interval")
    return None if interval is None else " to ".join(f"{bound:.3f}" for bound in interval)
