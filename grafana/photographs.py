"""Photographs a demo in a real browser (`make pictures`): page, graph, decisions, report, lines."""

from __future__ import annotations

import html
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "pictures"
#: Picture -> colour scheme, width and height of the browser window.
SIZES: dict[str, tuple[Any, int, int]] = {
    "page": ("light", 1280, 1000),
    "page-phone": ("dark", 390, 844),
}

COLUMNS = 150
TERMINAL = "display:inline-block; margin:0; padding:12px; font:12px/1.3 monospace"
#: Lines of the demo that the picture has: alerts, approvals and tables.
SHOWN = re.compile(r"(info|warning|critical) |approved |from alert|planted|a second|[┏┃┡│└]")


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
                other = page.locator(".row").filter(has_text="Campaign").nth(1)
                other.click()
                page.get_by_text(other.get_attribute("data-key") or "", exact=True).wait_for()
                page.locator("section.graph").screenshot(path=folder / "page-graph.png")
                page.get_by_role("link", name="Decisions").click()
                page.locator("#in-force .decision").first.wait_for()
                page.screenshot(path=folder / "page-decisions.png")
        browser.close()


def photograph_report(report: Path, folder: Path = FOLDER) -> None:
    """Photograph the upper part of an oversight report."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 1080})
        page.goto(report.as_uri())
        page.screenshot(path=folder / "report.png")
        browser.close()


def photograph_terminal(text: str, folder: Path = FOLDER) -> None:
    """Photograph lines as a terminal shows them."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 100})
        page.set_content(f"<pre style='{TERMINAL}'>{html.escape(text)}</pre>")
        page.locator("pre").screenshot(path=folder / "loop.png")
        browser.close()


def main() -> None:
    """Run a demo to its end and photograph its page and its lines."""
    report = Path(tempfile.mkdtemp()) / "report.html"
    command = [sys.executable, "-m", "stream.cli.main", "demo", "--stay", "--report", str(report)]
    demo = subprocess.Popen(  # noqa: S603
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"COLUMNS": str(COLUMNS)},
    )
    link, shown = "", ""
    for line in demo.stdout or ():
        sys.stderr.write(line)
        link = link or "".join(re.findall(r"http\S+#token=\S+", line))
        if SHOWN.match(line):
            shown += f"{line.rstrip()[:COLUMNS]}\n"
        if "stays until" in line:
            photograph(link)
            photograph_report(report)
            photograph_terminal(shown)
            demo.send_signal(signal.SIGINT)
    if demo.wait():
        raise SystemExit("the demo failed: see its output above")


if __name__ == "__main__":
    main()
