"""Photographs the page of a worker with a real browser: at a desk, on a phone, and a graph."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "pictures"
SIZES = {"page": ("light", 1280, 1000), "page-phone": ("dark", 390, 844)}


def photograph(link: str, folder: Path = FOLDER) -> None:
    """Open ``link`` (with the token) and take a picture of the gravest incident in each size."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, (scheme, width, height) in SIZES.items():
            page = browser.new_context(
                color_scheme=scheme, viewport={"width": width, "height": height}
            ).new_page()
            page.goto(link)
            page.locator("#open .row").first.click()
            page.locator("#incident-title").wait_for()
            page.screenshot(path=folder / f"{name}.png")
            if scheme == "light":
                other = page.locator("#open .row").nth(1)
                other.click()
                page.get_by_text(other.get_attribute("data-key") or "", exact=True).wait_for()
                page.locator("section.graph").screenshot(path=folder / "page-graph.png")
        browser.close()


if __name__ == "__main__":
    photograph(sys.argv[1])
