"""The dashboard in a real Chromium, on real services: it shows, explains and changes by itself."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from services.insights.metrics.catalogue import DEFINITIONS
from tests.support.deployment import Up, free_port_base, up

pytestmark = [
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.browser,
    pytest.mark.timeout(180),
]

HEADER = (
    "contribution_id,service_id,occurred_at,giver_id,giver_party,receiver_ids,minutes,phase,mode,"
    "status"
)
NEIGHBOURS = 6
ACTS = 20
PATIENCE_MS = 20_000


def acts() -> list[str]:
    """Twenty acts over fifty days among six neighbours; the last one waits to be confirmed."""
    start = datetime.now(UTC).date() - timedelta(days=55)
    rows: list[str] = []
    for number in range(ACTS):
        giver, receiver = number % NEIGHBOURS, (number + 1) % NEIGHBOURS
        day = start + timedelta(days=2 * number)
        status = "recorded" if number == ACTS - 1 else "confirmed"
        rows.append(f"{number},bank,{day},p{giver},user,p{receiver},60,deliver,act,{status}")
    return rows


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("dashboard")
    file: Path = folder / "acts.csv"
    file.write_text("\n".join([HEADER, *acts()]) + "\n")
    with up(folder / "data", free_port_base()) as deployment:
        assert deployment.ready["ready"] is True
        imported = deployment.coprod("import", "contributions", str(file), "--register-missing")
        assert imported.returncode == 0, imported.stdout + imported.stderr
        assert deployment.coprod("wait", "--timeout", "60").returncode == 0
        yield deployment


@pytest.fixture
async def page(browser: Browser, running: Up) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="en-GB")
    found = await context.new_page()
    found.set_default_timeout(PATIENCE_MS)
    problems: list[str] = []
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    await found.goto(running.ready["dashboard"])
    yield found
    await context.close()
    assert problems == []


async def confirm_the_waiting_act(running: Up) -> None:
    """Confirm the one act that waits, as somebody else than its giver."""
    async with httpx.AsyncClient(trust_env=False) as http:
        services = await http.get(
            f"{running.ready['registry']}/v1/services", params={"local_id": "bank"}
        )
        service_id = services.json()["items"][0]["service_id"]
        contributions = f"{running.ready['exchange']}/v1/contributions"
        waiting = await http.get(
            contributions, params={"service_id": service_id, "status": "recorded"}
        )
        act = waiting.json()["items"][0]
        everybody = await http.get(contributions, params={"service_id": service_id})
        others = {item["giver_id"] for item in everybody.json()["items"]} - {act["giver_id"]}
        confirmed = await http.post(
            f"{contributions}/{act['contribution_id']}/confirm", json={"by": min(others)}
        )
    assert confirmed.is_success, confirmed.text


async def test_it_changes_without_reload_when_an_act_is_confirmed(page: Page, running: Up) -> None:
    card = page.locator("[data-class]")
    await expect(card).to_have_attribute("data-class", "insufficient_evidence")
    await expect(card).to_contain_text("1 contribution waits to be confirmed (it counts from")
    await card.click()
    verdict = page.locator("[data-verdict]")
    await expect(verdict).to_have_text("not enough evidence")
    await expect(page.locator(".verdict")).to_contain_text("1 contribution waits to be confirmed")
    shown = running.coprod("verdict", "bank")
    assert "1 contribution waits to be confirmed" in shown.stdout, shown.stdout + shown.stderr
    await page.evaluate("window.stillTheSamePage = true")

    await confirm_the_waiting_act(running)

    await expect(verdict).to_have_text("mutual aid", timeout=PATIENCE_MS)
    await expect(page.locator(".verdict")).not_to_contain_text("waits to be confirmed")
    await expect(page.locator(".verdict")).to_contain_text("This verdict since")
    await expect(page.locator(".verdict")).to_contain_text("not announced yet")
    shown = running.coprod("verdict", "bank")
    assert "This verdict since" in shown.stdout, shown.stdout + shown.stderr
    assert "Announced: not announced yet" in shown.stdout
    assert await page.evaluate("window.stillTheSamePage") is True
    await expect(page.locator("#news")).to_contain_text("mutual aid")


async def test_both_languages_are_whole(page: Page) -> None:
    await page.get_by_role("button", name="Français").click()
    await expect(page.locator("html")).to_have_attribute("lang", "fr")
    await expect(page.locator("h1")).to_have_text("Services publics")
    await expect(page.locator(".badge")).to_have_text("entraide")
    await expect(page.locator(".notice")).to_contain_text("Ne pas publier")
    await page.locator("[data-class]").click()
    await expect(page.locator("#figures")).to_have_text("Les chiffres")

    await page.get_by_role("button", name="English").click()

    await expect(page.locator("#figures")).to_have_text("The figures")
    await expect(page.locator("[data-verdict]")).to_have_text("mutual aid")
    await expect(page.locator(".notice")).to_contain_text("Not for publication")


async def test_every_figure_says_where_it_comes_from(page: Page) -> None:
    await page.locator("[data-class]").click()
    row = page.locator('[data-metric="E1b"]')
    await row.get_by_text("Where does this come from?").click()

    receipt = row.locator(".receipt")
    await expect(receipt).to_contain_text("exchange.activity.v1/")
    await expect(receipt).to_contain_text("definition version 2")
    await expect(row.locator("[data-value]")).to_have_text("100%")
    await expect(page.locator("[data-metric]")).to_have_count(len(DEFINITIONS))


async def test_the_keyboard_alone_is_enough(page: Page) -> None:
    await expect(page.locator("[data-class]")).to_be_visible()
    for _ in range(12):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.dataset.class !== undefined"):
            break
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-verdict]")).to_be_visible()

    await page.get_by_role("button", name="Whole life").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Whole life")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert await page.evaluate("document.activeElement.textContent") == "Whole life"


async def test_nothing_is_fetched_from_elsewhere(browser: Browser, running: Up) -> None:
    page = await browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    await page.goto(running.ready["dashboard"])
    await page.locator("[data-class]").click()
    await expect(page.locator("[data-metric]").first).to_be_visible()

    assert asked
    assert all(url.startswith(running.ready["insights"]) for url in asked)
