"""The pictures of report pages in the docs, taken in an installed Chromium.

    ldbench report leaderboards/results/sandbox-brain-t2i --format html --out build/page
    python -m leaderboards.page_shots build/page/sandbox-brain-t2i.html docs/images/report-page.png

Takes the top of a page. With `--model MODEL` it takes the pictures of that model's first run, where the page has any.
Needs the extra `browser`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "google-chrome", "chromium-browser")
WIDTH, HEIGHT = 1280, 900


def shoot(page: Path, picture: Path, model: str | None) -> None:
    """Write the picture; exits with a line where no browser is installed."""
    from playwright.sync_api import sync_playwright

    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        sys.exit(f"error: expected one of {', '.join(NAMES)} on the PATH, got none; install a browser")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        tab = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
        tab.goto(page.resolve().as_uri())
        if model is not None:
            run = tab.locator(f"details.run:has([data-label^='{model},'])").first
            run.locator("summary").first.click()
            run.locator(".gallery img, .gallery canvas").first.wait_for()
            run.evaluate("each => window.scrollTo(0, each.getBoundingClientRect().top + window.scrollY - 50)")
        tab.screenshot(path=picture)
        browser.close()


def main() -> None:
    """Take the picture that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--model", help="the model whose pictures are taken")
    asked = parser.parse_args()
    shoot(asked.page, asked.picture, asked.model)


if __name__ == "__main__":
    main()
