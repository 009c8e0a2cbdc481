"""A real Chromium, driven by Playwright: the machine's own, as its own download may not be had."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",  # as root, in CI, there is no other way; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP *.example 127.0.0.1",  # sites of others, and names that lead here
)


def chromium() -> str | None:
    """Return the path of a Chromium: $CHROMIUM, else the first one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must look at the pages in a real Chromium")
        pytest.skip("=== NO CHROMIUM, SO NO PAGE WAS LOOKED AT: install it or set $CHROMIUM ===")
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield found
        await found.close()
