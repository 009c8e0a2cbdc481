"""What the dashboard says of numbers, tried in a real browser on its own modules alone."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, Page

from services.insights.gateway import dashboard
from services.insights.gateway.api import definitions
from services.insights.metrics.catalogue import DEFINITIONS
from services.insights.verdict.grade import TESTS
from services.insights.words.table import TABLE

pytestmark = [pytest.mark.browser]
STATIC = Path(dashboard.__path__[0]) / "static"


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(STATIC)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
async def page(browser: Browser, address: str) -> AsyncIterator[Page]:
    context = await browser.new_context()
    page = await context.new_page()
    published = orjson.dumps(definitions()).decode()
    await page.route("**/v1/definitions", lambda route: route.fulfill(body=published))
    await page.goto(f"{address}/icon.svg")  # a page of the same origin without a script
    yield page
    await context.close()


async def said(page: Page, language: str, call: str, *, read: bool = True) -> str:
    """Return what the modules make of a call, with the breaks of French as plain spaces."""
    script = f"""
        Promise.all(["format", "words", "definitions"].map((name) => import(`/${{name}}.js`)))
            .then(async ([format, words, definitions]) => {{
                {"await definitions.readDefinitions(new AbortController().signal);" if read else ""}
                words.chooseLanguage("{language}");
                return String({call});
            }})"""
    text: str = await page.evaluate(script)
    return text.replace("\u202f", " ").replace("\xa0", " ")


NUMBERS = [
    ("format.figure('A3', -0.0)", "0%", "0 %"),
    ("format.figure('A3', -0.0004)", "0%", "0 %"),
    ("format.figure('A2', -0.0)", "0.000", "0,000"),
    ("format.number(-0.001)", "0", "0"),
    ("format.figure('E3.rho', -0.0412)", "-0.041", "-0,041"),
    ("format.figure('M3.active', 0.24444)", "0.244", "0,244"),
    ("words.scaleText('M3.active')", "0: all give alike", "0 : tous donnent autant"),
    ("format.figure('M3.top10', 0.24444)", "24.4%", "24,4 %"),
    ("format.figure('A1', 3)", "3", "3"),
    ("format.asked('J3', '>= 0.3')", "asked: ≥ 30%", "il faut ≥ 30 %"),
    ("format.asked('A1', '>= 3')", "asked: ≥ 3", "il faut ≥ 3"),
    ("format.asked('L2', '>= 1/year')", "asked: ≥ 1 a year", "il faut ≥ 1 par an"),
]


SAID = {
    "className": "classes",
    "gradeName": "grades",
    "flagText": "flags",
    "reasonText": "reasons",
    "familyName": "families",
    "scaleText": "scales",
    "axisName": "axes",
    "windowName": "windows",
    "lensName": "lenses",
    "answerText": "answers",
}
UNREAD = [
    ("words.className('co_production')", "co production"),
    ("words.flagText('few_lay')", "Few lay"),
    ("words.scaleText('A2')", ""),
    ("words.head('holds_since')", "Holds since"),
    (
        "words.part('announced_on', {verdict: 'entraide', day: 'hier'})",
        "announced on entraide hier",
    ),
    ("definitions.definitionOf('A3')?.name", "undefined"),
]


async def test_a_number_is_said_as_what_it_is(page: Page) -> None:
    for call, english, french in NUMBERS:
        assert (await said(page, "en", call)).startswith(english), call
        assert (await said(page, "fr", call)).startswith(french), call


async def test_no_figure_that_is_no_share_is_a_percentage(page: Page) -> None:
    for definition in DEFINITIONS:
        shown = await said(page, "en", f"format.figure('{definition.id}', 0.5)")

        assert shown.endswith("%") is (definition.unit is None), definition.id


async def test_every_word_of_the_table_is_said_in_the_language_chosen(page: Page) -> None:
    for language in ("fr", "en"):
        for call, kind in SAID.items():
            for key, text in TABLE[kind].items():
                shown = await said(page, language, f"words.{call}('{key}')")

                assert shown.lower() == getattr(text, language).lower()


async def test_what_was_not_read_yet_is_said_by_its_key(page: Page) -> None:
    for call, shown in UNREAD:
        assert await said(page, "fr", call, read=False) == shown


async def test_an_axis_that_is_not_shown_says_why(page: Page) -> None:
    verdict = "{axes: {}, axis_reasons: {p: 'no_data', d: 'few_lay'}}"

    assert await said(page, "en", f"format.axisText({verdict}, 'p')") == "not observed"
    assert await said(page, "en", f"format.axisText({verdict}, 'd')") == "too few residents"


async def test_what_every_test_asks_can_be_said(page: Page) -> None:
    for condition in (one for conditions in TESTS.values() for one in conditions):
        call = f"format.asked('{condition.metric}', '{condition.threshold}')"

        assert "NaN" not in await said(page, "en", call)
