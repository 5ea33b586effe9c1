# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of the guide: the page that `make demo` wrote, as a browser shows it. `make screenshots` runs this."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.browser import Browser, program

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / ".work" / "report" / "index.html"
IMAGES = ROOT / "docs" / "docsite" / "images"
LARGEST = 200_000


def main() -> int:
    if not PAGE.exists() or program() is None:
        print(
            "run `make demo` first" if program() else "install chromium-headless-shell or chromium first",
            file=sys.stderr,
        )
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
        for name, width, height, dark in (
            ("report", 1120, 800, False),
            ("report-dark", 1120, 800, True),
            ("report-narrow", 390, 800, False),
        ):
            shown = browser.open(PAGE, width=width, height=height, dark=dark)
            shown.screenshot(IMAGES / f"{name}.png", whole=True)
        shown = browser.open(PAGE, width=1120, height=840)
        shown.run("document.querySelector('#rows .name').click()")
        shown.screenshot(IMAGES / "report-details.png")
    large = [path for path in sorted(IMAGES.glob("report*.png")) if path.stat().st_size > LARGEST]
    for path in sorted(IMAGES.glob("report*.png")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
