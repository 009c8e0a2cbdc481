"""What a page of another site can do in the browser of somebody who uses a service: nothing."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.shared.http.sample import Sample
from tests.support.conformance import listening
from tests.support.polling import eventually

pytestmark = pytest.mark.browser

COMMAND = '{"name": "a"}'
ASK = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return [answer.status, await answer.text()];
    } catch { return null; }
}"""
FORM = """([url, encoding]) => {
    const form = Object.assign(document.createElement("form"),
        {action: url, method: "POST", enctype: encoding});
    form.append(Object.assign(document.createElement("input"), {name: '{"name": "', value: 'a"}'}));
    document.body.append(form);
    form.submit();
}"""
FRAME = """url => new Promise(done => {
    const frame = Object.assign(document.createElement("iframe"), {src: url, onload: done});
    document.body.append(frame);
})"""


async def _page(_request: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>A prize for you</title><body>")


@pytest.fixture
async def foreign(browser: Browser) -> AsyncIterator[Page]:
    site = Starlette(routes=[Route("/", _page)])
    async with listening(site) as address:
        page = await browser.new_page()
        await page.goto(f"http://prize.example:{urlsplit(address).port}/")
        yield page
        await page.close()


async def test_a_page_of_another_site_reads_and_changes_nothing(
    foreign: Page, url: str, sample: Sample
) -> None:
    path = f"{url}/v1/names"
    json = {"method": "POST", "body": COMMAND, "headers": {"Content-Type": "application/json"}}
    plain = {"method": "POST", "body": COMMAND, "mode": "no-cors"}

    assert await foreign.evaluate(ASK, [f"{url}/v1/words", {}]) is None
    assert await foreign.evaluate(ASK, [path, json]) is None
    assert await foreign.evaluate(ASK, [path, plain]) in (None, [0, ""])
    assert await foreign.evaluate(ASK, [path, {"method": "DELETE"}]) is None
    for encoding in ("text/plain", "application/x-www-form-urlencoded"):
        async with foreign.expect_navigation(url=path) as navigation:
            await foreign.evaluate(FORM, [path, encoding])
        answer = await (await navigation.value).json()
        assert answer["reason"] == "foreign_page"
        await foreign.go_back()
    assert sample.batches == []


async def test_no_page_of_another_site_shows_ours_in_a_frame(foreign: Page, url: str) -> None:
    await foreign.evaluate(FRAME, f"{url}/v1/words")

    await eventually(lambda: foreign.frames[1].url)
    assert foreign.frames[1].url.startswith("chrome-error://")


async def test_a_name_that_was_led_here_opens_nothing(
    browser: Browser, url: str, sample: Sample
) -> None:
    page = await browser.new_page()
    there = f"http://prize.example:{urlsplit(url).port}"

    shown = await page.goto(f"{there}/v1/words")
    read = await page.evaluate(ASK, [f"{there}/v1/words", {}])
    options = {"method": "POST", "body": COMMAND, "headers": {"Content-Type": "application/json"}}
    written = await page.evaluate(ASK, [f"{there}/v1/names", options])
    await page.close()

    assert shown is not None
    assert (shown.status, read[0], written[0]) == (421, 421, 421)
    assert "alder" not in read[1]
    assert sample.batches == []


async def test_a_page_of_ours_may(browser: Browser, url: str, sample: Sample) -> None:
    page = await browser.new_page()
    await page.goto(f"{url}/v1/words")
    options = {"method": "POST", "body": COMMAND, "headers": {"Content-Type": "application/json"}}

    written = await page.evaluate(ASK, [f"{url}/v1/names", options])
    await page.close()

    assert written[0] == 201
    assert len(sample.batches) == 1
