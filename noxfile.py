"""A session for each ansible-core with each of its Pythons: `make matrix` runs all, CI runs each in a job of its own.

What a session runs is in tools/checks.py alone; nox makes the environments and says which Pythons are missing. This is
plain nox because the sessions that antsibull-nox brings along are what checks.py is for `make test`, once more.
Start it as `make matrix`, or for some of it `make matrix ARGS="--session 'ansible_core(2.21-3.13)'"`.
"""

from __future__ import annotations

import os
import runpy

import nox

CORES = {
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
PAIRS = [
    nox.param(python, core, id=f"{core}-{python}", tags=[core]) for core, pythons in CORES.items() for python in pythons
]

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["ansible_core"]
nox.options.envdir = ".work/nox"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False  # they are named as skipped
os.environ["PATH"] = runpy.run_path("tools/interpreters.py")["search_path"]()  # nox looks its Pythons up there


@nox.session
@nox.parametrize("python,core", PAIRS)
def ansible_core(session: nox.Session, core: str) -> None:
    """ansible-test sanity, units, the modules for hosts with each Python there is, and the quickstart."""
    session.install("-q", "-r", "requirements/test.txt", f"ansible-core=={core}.*")
    session.run("ansible", "--version", stdout=None)
    session.run("python", "tools/checks.py", *(session.posargs or ["sanity", "unit", "smoke"]))


@nox.session
def release(session: nox.Session) -> None:
    """Build the tarball and its bill of materials in .work/release, and see what Galaxy would say."""
    session.install("-q", "-r", "requirements/release.txt")
    tarball = str(session.run("python", "tools/build.py", ".work/release", silent=True)).strip()
    session.run("python", "tools/release.py", "importer", tarball)
    session.run("python", "tools/release.py", "sbom", tarball, tarball.removesuffix(".tar.gz") + ".cdx.json")
