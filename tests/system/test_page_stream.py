"""The page reads its stream through a proxy: lost, silent, refused, restarted, shared."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.support.gateway import Gateway, a_record, gateway
from tests.support.proxy import Proxy, proxy

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.timeout(180)]

PATIENCE_MS = 20_000
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)
LISTEN = """
    window.said = [];
    new MutationObserver(() => {
        const text = document.getElementById("connection")?.textContent;
        if (text && text !== said.at(-1)) said.push(text);
    }).observe(document, { childList: true, characterData: true, subtree: true });
"""


@pytest.fixture
async def served() -> AsyncIterator[Gateway]:
    async with gateway() as running:
        running.show(a_record(provides="one"))
        yield running


@pytest.fixture
def between(served: Gateway) -> Iterator[Proxy]:
    with proxy(("127.0.0.1", served.port)) as running:
        yield running


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    found = await browser.new_context(locale="en-GB")
    found.set_default_timeout(PATIENCE_MS)
    await found.add_init_script(LISTEN)
    yield found
    await found.close()


async def opened(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(url)
    return page


def said(page: Page) -> "asyncio.Future[list[str]]":
    return asyncio.ensure_future(page.evaluate("window.said"))


async def live(page: Page) -> None:
    await expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE_MS)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # another process moves it
            await asyncio.sleep(0.02)


async def test_a_proxy_without_its_server_ends_no_page(
    context: BrowserContext, served: Gateway, between: Proxy
) -> None:
    page = await opened(context, f"http://{between.address}/#/service/s-1")
    await live(page)
    await page.clock.install()

    between.answer(BAD_GATEWAY)
    await expect(page.locator("#connection")).to_contain_text(
        "connection lost, trying again · as of ", timeout=PATIENCE_MS
    )
    for _ in range(6):
        await page.clock.fast_forward(10_000)
        await asyncio.sleep(0.1)
    served.show(a_record(provides="two"))
    between.clear()
    await page.clock.fast_forward(15_000)

    await live(page)
    await expect(page.locator(".lead")).to_contain_text("two")


async def test_a_restart_is_short_and_nobody_is_alarmed(context: BrowserContext) -> None:
    async with gateway() as first:
        first.show(a_record(provides="one"))
        page = await opened(context, f"{first.url}#/service/s-1")
        await live(page)
        port = first.port
    async with gateway(port, instance="b") as second:
        second.show(a_record(provides="two"))
        await expect(page.locator(".lead")).to_contain_text("two", timeout=PATIENCE_MS)

        assert await said(page) == ["connecting…", "live"]


async def test_a_short_loss_is_made_up_for_and_not_told(
    context: BrowserContext, served: Gateway, between: Proxy
) -> None:
    page = await opened(context, f"http://{between.address}/#/service/s-1")
    await live(page)
    before = served.sent()

    between.reset()
    await until(lambda: served.clients() == 0)
    await until(lambda: served.clients() == 1)
    served.show(a_record(provides="two"))

    await expect(page.locator(".lead")).to_contain_text("two")
    assert served.sent() == before + 1, "what the page had was told again"
    assert await said(page) == ["connecting…", "live"]


async def test_retry_after_is_waited_for(
    context: BrowserContext, served: Gateway, between: Proxy
) -> None:
    page = await opened(context, f"http://{between.address}/#/service/s-1")
    await live(page)
    await page.clock.install()

    between.answer(BUSY)
    await expect(page.locator("#connection")).to_contain_text("lost", timeout=PATIENCE_MS)
    await page.clock.fast_forward(2_000)
    asked = between.traffic.connections
    await page.evaluate("dispatchEvent(new Event('online'))")
    await page.clock.fast_forward(50_000)
    await asyncio.sleep(0.3)
    assert between.traffic.connections == asked

    between.clear()
    await page.clock.fast_forward(30_000)
    await live(page)


async def test_silence_is_noticed_and_what_stands_says_since_when(
    context: BrowserContext, served: Gateway, between: Proxy
) -> None:
    page = await opened(context, f"http://{between.address}/#/service/s-1")
    await live(page)
    await page.clock.install()

    between.drop()
    await page.clock.fast_forward(38_000)
    await live(page)
    await page.clock.fast_forward(4_000)

    connection = page.locator("#connection")
    await expect(connection).to_contain_text("no news for 40 s · as of ")
    assert await page.locator("main").evaluate("node => getComputedStyle(node).filter") != "none"
    await page.clock.fast_forward(150_000)
    await expect(connection).to_contain_text("no news for 3 min · as of ")

    served.show(a_record(provides="two"))
    between.clear()
    await page.clock.fast_forward(60_000)
    await live(page)
    await expect(page.locator(".lead")).to_contain_text("two")


async def test_going_from_page_to_page_raises_no_alarm(
    context: BrowserContext, served: Gateway
) -> None:
    page = await opened(context, served.url)
    for _ in range(3):
        await page.locator("[data-class]").click()
        await expect(page.locator("[data-verdict]")).to_be_visible()
        await page.locator("main a").first.click()
        await expect(page.locator("[data-class]")).to_be_visible()

    assert await said(page) == ["connecting…", "live"]


async def test_many_tabs_take_two_streams_and_the_last_one_left_goes_on(
    context: BrowserContext, served: Gateway
) -> None:
    for number in range(2, 6):
        served.show(a_record(f"s-{number}", provides="one"))
    addresses = ["", *(f"#/service/s-{number}" for number in range(1, 6)), "", "#/service/s-1"]
    pages = [await opened(context, f"{served.url}{address}") for address in addresses]
    for page, address in zip(pages, addresses, strict=True):
        await live(page)
        await expect(page.locator("[data-verdict], [data-class]")).to_have_count(
            1 if address else 5
        )
    assert served.clients() == 2

    for number in range(1, 6):
        served.show(a_record(f"s-{number}", provides="two", agency_ids=["village"]))
    for page in pages:
        await expect(page.get_by_text("village").first).to_be_visible()

    for page in pages[:-2]:
        await page.close()
    served.show(a_record("s-1", provides="three", agency_ids=["city"]))
    for page in pages[-2:]:
        await expect(page.get_by_text("city").first).to_be_visible()
        await live(page)
    await until(lambda: served.clients() == 2)


async def test_a_tab_that_sleeps_does_not_keep_the_others_from_reading(
    context: BrowserContext, served: Gateway
) -> None:
    asleep = await opened(context, f"{served.url}#/service/s-1")
    await live(asleep)
    await asleep.evaluate("BroadcastChannel.prototype.postMessage = () => {}")

    page = await opened(context, f"{served.url}#/service/s-1")

    await expect(page.locator("[data-verdict]")).to_be_visible(timeout=PATIENCE_MS)
    await live(page)


async def test_without_locks_each_tab_reads_for_itself(
    context: BrowserContext, served: Gateway
) -> None:
    await context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined })"
    )
    pages = [await opened(context, f"{served.url}#/service/s-1") for _ in range(2)]
    for page in pages:
        await live(page)
        await expect(page.locator("[data-verdict]")).to_be_visible()

    assert served.clients() == 2


async def test_a_record_that_cannot_be_shown_does_not_end_the_stream(
    context: BrowserContext, served: Gateway
) -> None:
    page = await opened(context, served.url)
    await live(page)

    served.show({**a_record("s-2"), "windows": {}})
    served.show(a_record("s-3", name="The next one"))

    await expect(page.get_by_text("The next one")).to_be_visible()
    assert served.clients() == 1
    assert await said(page) == ["connecting\u2026", "live"]
