"""``coprod verdict`` and ``coprod metrics``: what insights says of one service."""

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
    Literal["en", "fr"], typer.Option("--language", help="Of the reasons that are printed.")
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
        _print_verdict(answer, language)


def metrics(  # noqa: PLR0913, PLR0917 - the options of the command
    service: ServiceArgument,
    window: WindowOption = "90d",
    as_of: AsOfOption = None,
    lens: LensOption = None,
    agency: AgencyOption = None,
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
        _print_metrics(answer)


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


def _print_verdict(answer: dict[str, Any], language: str) -> None:
    console = result_console()
    grade = f", grade {answer['grade']}" if answer["grade"] else ""
    tentative = " (tentative)" if answer["tentative"] else ""
    console.print(f"[bold]{answer['class']}{grade}[/bold]{tentative}")
    planning, delivery = (_axis(answer, axis) for axis in ("p", "d"))
    console.print(
        f"{answer['service_id']}, {answer['window']} up to {answer['as_of']}, by {answer['lens']}; "
        f"lay share of planning {planning}, of delivery {delivery}"
    )
    evidence = answer["evidence"]
    console.print(
        f"evidence: {evidence['acts']} acts by {evidence['givers']} people or groups in the "
        f"window; observed for {evidence['span_days']} days in all"
    )
    for reason in answer["reasons"][language]:
        console.print(f"  - {reason}", markup=False)
    for sentence in answer["waiting"]["text"][language]:
        console.print(sentence, markup=False)
    if answer["nearest_flip"]:
        console.print(f"nearest flip: {answer['nearest_flip']['text'][language]}", markup=False)
    if answer["holds_since"]:
        console.print(f"holds since {answer['holds_since']}, computed from what was recorded")
    announced = answer["announced"]
    said = f"{announced['class']}, on {announced['since']}" if announced else "not yet"
    console.print(f"announced: {said}", markup=False)
    if answer["last_evidenced"] and answer["last_evidenced"]["as_of"] != answer["as_of"]:
        last = answer["last_evidenced"]
        console.print(f"last with evidence: {last['class']} on {last['as_of']}", markup=False)
    _print_tests(answer["tests"], language)


def _axis(answer: dict[str, Any], axis: str) -> str:
    reason = answer["axis_reasons"][axis]
    return f"not shown ({reason})" if reason else _shown(answer["axes"][axis])


def _print_tests(tests: list[dict[str, Any]], language: str) -> None:
    print_table(
        "tests of the grade",
        ("test", "asks", "answer", "looks at", "value", "asked", "n", "why none"),
        [
            (
                test["id"],
                test["text"][language],
                test["verdict"],
                test["metric"],
                _shown(test["value"]),
                test["threshold"],
                test["n"],
                test["reason"],
            )
            for test in tests
        ],
    )


def _shown(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _print_metrics(answer: dict[str, Any]) -> None:
    print_table(
        f"{answer['service_id']} · {answer['window']} up to {answer['as_of']} · {answer['lens']}",
        ("metric", "value", "interval", "n", "why none"),
        [
            (name, figure["value"], _interval(figure), figure["n"], figure["reason"])
            for name, figure in answer["metrics"].items()
        ],
    )


def _interval(figure: dict[str, Any]) -> str | None:
    interval = figure["interval"]
    return None if interval is None else " to ".join(f"{bound:.3f}" for bound in interval)
