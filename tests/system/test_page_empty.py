"""An empty page says why it is empty, and what can be done about it."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.gateway import Gateway, a_record, gateway

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
async def served() -> AsyncIterator[Gateway]:
    async with gateway() as running:
        yield running


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="fr-FR")
    yield await context.new_page()
    await context.close()


async def test_no_service_is_not_nothing_received_and_neither_is_connecting(
    page: Page, served: Gateway
) -> None:
    card = page.locator("[data-none]")
    await page.route("**/v1/positions", lambda route: route.abort())
    await page.goto(served.url)
    await expect(card).to_have_text("connexion…")

    await page.unroute("**/v1/positions")
    await expect(card).to_contain_text("encore été reçu", timeout=20_000)

    served.folded["registry.agencies.v1/0"] = 1
    await expect(card).to_contain_text("encore enregistré", timeout=20_000)
    await expect(card).to_contain_text("coprod import")

    served.show(a_record())
    await expect(page.locator("[data-class]")).to_be_visible()
    await expect(card).to_have_count(0)


async def test_services_whose_figures_are_not_there_yet_are_on_their_way(
    page: Page, served: Gateway
) -> None:
    await page.route("**/v1/stream*", lambda route: route.abort())
    served.show(a_record())

    await page.goto(served.url)

    await expect(page.locator("[data-none]")).to_have_text("Les services arrivent…", timeout=20_000)
