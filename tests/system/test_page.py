"""The page in a real Chromium: what a change leaves alone, and what it costs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from typing import Literal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from services.insights.verdict.rule import ServiceClass
from tests.support.gateway import Gateway, a_record, gateway

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.timeout(120)]

PATIENCE_MS = 20_000


@pytest.fixture
async def served() -> AsyncIterator[Gateway]:
    async with gateway() as running:
        yield running


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="en-GB")
    found = await context.new_page()
    found.set_default_timeout(PATIENCE_MS)
    problems: list[str] = []

    def heard(said: ConsoleMessage) -> None:
        refused = "/v1/" in said.location["url"] and ("404" in said.text or "422" in said.text)
        if said.type == "error" and not refused:
            problems.append(said.text)

    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("console", heard)
    yield found
    await context.close()
    assert problems == []


async def test_a_change_leaves_alone_what_somebody_has_open_chosen_or_scrolled(
    page: Page, served: Gateway
) -> None:
    served.show(a_record(provides="before"))
    await page.set_viewport_size({"width": 600, "height": 800})
    await page.goto(f"{served.url}#/service/s-1")
    row = page.locator('[data-metric="E1b"]')
    await row.locator("summary").first.click()
    await row.locator("details details summary").click()
    await page.evaluate(
        """() => {
            document.querySelector(".scroll").scrollLeft = 60;
            getSelection().selectAllChildren(document.querySelector("[data-flip]"));
            window.kept = [document.activeElement, String(getSelection())];
            window.scrolled = [document.querySelector(".scroll").scrollLeft, scrollY];
        }"""
    )

    served.show(a_record(provides="afterwards"))

    await expect(page.locator(".lead")).to_contain_text("afterwards")
    await expect(row.locator("details[open]")).to_have_count(2)
    kept = """() => [
        document.activeElement === window.kept[0] && document.activeElement !== document.body,
        String(getSelection()) === window.kept[1] && window.kept[1] !== "",
        document.querySelector(".scroll").scrollLeft === window.scrolled[0],
        window.scrolled[0] > 0,
        scrollY === window.scrolled[1],
    ]"""
    assert await page.evaluate(kept) == [True] * 5


async def test_in_the_list_a_change_draws_one_card_and_moves_nobody(
    page: Page, served: Gateway
) -> None:
    for number in range(3):
        served.show(a_record(f"s-{number}", name=f"Service {number}"))
    await page.goto(served.url)
    await expect(page.locator("[data-class]")).to_have_count(3)
    await page.locator("#service-s-1").focus()
    await page.evaluate(
        """() => {
            window.touched = new Set();
            new MutationObserver((all) => {
                for (const { target } of all) {
                    const near = target.nodeType === Node.TEXT_NODE ? target.parentNode : target;
                    window.touched.add(near.closest("[data-class]")?.id ?? near.tagName);
                }
            }).observe(document.querySelector("main"),
                { subtree: true, childList: true, characterData: true, attributes: true });
        }"""
    )

    served.show(a_record("s-1", name="Service 1", agency_ids=["village"]))

    await expect(page.locator("#service-s-1")).to_contain_text("village")
    assert await page.evaluate("[...window.touched]") == ["service-s-1"]
    assert await page.evaluate("document.activeElement.id") == "service-s-1"


async def test_the_skip_link_leads_to_the_content_and_nowhere_else(
    page: Page, served: Gateway
) -> None:
    served.show(a_record())
    await page.goto(f"{served.url}#/service/s-1")
    await expect(page.locator("[data-verdict]")).to_be_visible()

    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")

    await expect(page.locator("main")).to_be_focused()
    await expect(page.locator("[data-verdict]")).to_be_visible()
    assert page.url.endswith("#/service/s-1")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("nope", "nope"),
        ("%", "%"),
        ("%E0%A4%A", "%E0%A4%A"),
        ("a%20b?window=life", "a b"),
        ("a/b", "a/b"),
        (".", "."),
        ("..", ".."),
        ("x" * 300, "x" * 300),
    ],
)
async def test_of_a_service_that_is_not_there_the_page_says_so(
    page: Page, served: Gateway, address: str, name: str
) -> None:
    served.show(a_record())
    await page.goto(f"{served.url}#/service/{address}")

    told = f"There is no service \u2018{name}\u2019"
    await expect(page.locator("h1")).to_have_text(told)
    await expect(page).to_have_title(f"{told} \u2013 Coprod")
    await page.get_by_role("link", name="All services").click()
    await expect(page.locator("[data-class]")).to_be_visible()


async def test_the_address_keeps_what_was_chosen(page: Page, served: Gateway) -> None:
    served.show(a_record())
    await page.goto(f"{served.url}#/service/s-1?window=life&lens=nonsense")
    chosen = page.locator('[aria-pressed="true"]:not([data-language])')
    await expect(chosen).to_have_text(["Whole life", "Time given"])

    await page.get_by_role("button", name="Number of contributions").click()
    await expect(chosen).to_have_text(["Whole life", "Number of contributions"])
    assert page.url.endswith("#/service/s-1?window=life&lens=count")
    await page.reload()
    await expect(chosen).to_have_text(["Whole life", "Number of contributions"])
    await page.go_back()
    await expect(chosen).to_have_text(["Whole life", "Time given"])


async def processor_seconds(page: Page) -> Callable[[], Awaitable[float]]:
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})

    async def spent() -> float:
        found = (await session.send("Performance.getMetrics"))["metrics"]
        return next(float(one["value"]) for one in found if one["name"] == "TaskDuration")

    return spent


async def test_a_thousand_services_are_soon_there_and_a_change_costs_one_card(
    page: Page, served: Gateway
) -> None:
    for number in range(1000):
        served.show(a_record(f"s-{number}", name=f"Service {number:03}"))
    spent = await processor_seconds(page)
    cards = page.locator("[data-class]")

    await page.goto(served.url)
    await expect(cards.first).to_be_visible()
    assert await spent() < 1, "until the first cards are there"
    await expect(cards).to_have_count(1000)
    assert await spent() < 3, "until all of them are"

    before = await spent()
    for number in range(50):
        served.show(a_record(f"s-{number}", name=f"Service {number:03}", agency_ids=["village"]))
        await asyncio.sleep(0.04)
    await expect(page.locator("#service-s-49")).to_contain_text("village")
    assert (await spent() - before) / 50 < 0.05, "a change"


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("address", ["", "#/service/s-1", "#/service/" + "unheard-of" * 15])
async def test_a_narrow_screen_never_scrolls_sideways(
    page: Page, served: Gateway, width: int, address: str
) -> None:
    served.show(a_record(name="Donaudampfschifffahrtsgesellschaft" * 5, provides="x" * 200))
    await page.set_viewport_size({"width": width, "height": 640})
    for language in ("English", "Fran\u00e7ais"):
        await page.goto(f"{served.url}{address}")
        await page.get_by_role("button", name=language).click()
        await expect(page.locator("h1, [data-class]").last).to_be_visible()
        for hidden in await page.locator("summary").all():
            await hidden.evaluate("node => { node.parentNode.open = true; }")

        assert await page.evaluate("document.documentElement.scrollWidth") == width


CONTRASTS = """() => {
    const channel = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => channel(part / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const style = (node) => getComputedStyle(node);
    return [...document.querySelectorAll("[data-class]")].map((card) => {
        const [badge, field, band, mark] = [".badge", ".field", ".band", ".mark"]
            .map((name) => style(card.querySelector(name)));
        const behind = style(card).backgroundColor;
        return {
            badge: contrast(badge.color, badge.backgroundColor),
            field: contrast(field.stroke, behind),
            band: contrast(band.stroke, behind),
            mark: contrast(mark.fill, behind),
        };
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_badges_and_maps_of_every_class_stand_out(
    page: Page, served: Gateway, scheme: Literal["light", "dark"]
) -> None:
    for one in ServiceClass:
        record = deepcopy(a_record(f"s-{one}", name=one))
        for window in record["windows"].values():
            window["verdict"] |= {"class": one, "axes": {"p": 0.5, "d": 0.5}}
        served.show(record)
    await page.emulate_media(color_scheme=scheme)
    await page.goto(served.url)
    await expect(page.locator("[data-class]")).to_have_count(len(ServiceClass))

    for found in await page.evaluate(CONTRASTS):
        assert found.pop("badge") >= 4.5
        assert all(contrast >= 3 for contrast in found.values()), found


async def test_figures_are_a_table_that_can_be_heard(page: Page, served: Gateway) -> None:
    served.show(a_record())
    await page.goto(f"{served.url}#/service/s-1")

    row = page.get_by_role("row", name="two-way share E1", exact=False).first
    await expect(row.get_by_role("rowheader")).to_contain_text("two-way share E1")
    await expect(row.get_by_role("cell").nth(1)).to_contain_text("%")
    await expect(row.locator("summary").first).to_have_text(
        "Where does this come from? \u2013 two-way share"
    )
    await expect(page.locator("caption")).to_be_visible()
