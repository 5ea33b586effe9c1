# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test` runs every directory of tests, and `make bench` can start every benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_no_directory_of_tests_is_forgotten() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    paths = settings["tool"]["pytest"]["ini_options"]["testpaths"]
    runner = (ROOT / "tools" / "checks.py").read_text(encoding="utf-8")
    assert len(paths) >= 3
    assert [path for path in paths if f'"{path}"' not in runner] == []
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    assert [file for file in files if not file.startswith(tuple(f"{path}/" for path in paths))] == []


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "tests" / "bench").glob("bench_*.py")))
def test_benchmarks_start(name: str) -> None:
    """As `make bench` starts them: from the checkout, without the paths that pytest adds."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-m", f"tests.bench.{name}", "--help"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")
