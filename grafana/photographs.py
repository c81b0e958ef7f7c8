"""Photographs the page of a demo in a real browser (`make pictures`): desk, phone, link graph."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "pictures"
#: Picture -> colour scheme, width and height of the browser window.
SIZES: dict[str, tuple[Any, int, int]] = {
    "page": ("light", 1280, 1000),
    "page-phone": ("dark", 390, 844),
}


def photograph(link: str, folder: Path = FOLDER) -> None:
    """Open ``link`` (with the token) and photograph the most severe incident in each size."""
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


def main() -> None:
    """Run a demo to its end and photograph its page."""
    command = [sys.executable, "-m", "stream.cli.main", "demo", "--stay"]
    demo = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
    link = ""
    for line in demo.stderr or ():
        sys.stderr.write(line)
        link = link or "".join(re.findall(r"http\S+#token=\S+", line))
        if "stays until" in line:
            photograph(link)
            demo.send_signal(signal.SIGINT)
    if demo.wait():
        raise SystemExit("the demo failed: see its output above")


if __name__ == "__main__":
    main()
