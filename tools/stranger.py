"""stranger.py [TARBALL]: follow the README's section on installation, as somebody who has nothing but the tarball.

All commands of the section are run, in order and as they stand there, in a fresh virtual environment with ansible-core,
with a home directory of its own and outside the checkout. A small Galaxy on loopback stands in for galaxy.ansible.com
and has this one tarball; Python packages come from PyPI. Afterwards nothing of it runs or is left.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

import build
from loopback_galaxy import Galaxy

ROOT = pathlib.Path(__file__).resolve().parent.parent
START = time.monotonic()
# how pip finds its packages is a matter of the machine, all else is what a new account has
KEPT = re.compile(r"PIP_\w+|\w*_proxy|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|LANG|LC_\w+|TERM|TMPDIR", re.IGNORECASE)


def say(text: str) -> None:
    print(f"[{time.monotonic() - START:4.0f} s] {text}", flush=True)


def commands(readme: str) -> list[str]:
    """The lines of all indented blocks in the section, in order."""
    section = re.search(r"^## Installation\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    if not section:
        sys.exit("The README has no section `## Installation`.")
    text = re.sub(r"^```.*?^```", "", section.group(1), flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for line in re.findall(r"^    \S.*$", text, re.MULTILINE)]


def environment(home: pathlib.Path, galaxy: Galaxy) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    for folder in (".config/pip", ".pip"):  # pip's settings of the user
        source = pathlib.Path.home() / folder / "pip.conf"
        if source.is_file():
            env.setdefault("PIP_CONFIG_FILE", str(source))
    path = os.pathsep.join([str(home / "venv" / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    return {**env, "HOME": str(home), "PATH": path, "ANSIBLE_GALAXY_SERVER": galaxy.url, "NO_COLOR": "1"}


def run(command: str, home: pathlib.Path, env: dict[str, str]) -> str:
    shell = ["/bin/sh", "-c", command]
    done = subprocess.run(
        shell, cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nFailed, exit code {done.returncode}: {command}")
    return done.stdout


def served(home: pathlib.Path) -> str:
    """What the quickstart's report says, which must be that every certificate is fine and served everywhere."""
    report = json.loads((home / ".certfleet" / "quickstart" / "state" / "report" / "report.json").read_text())
    states = {entry["state"] for entry in report["certificates"]}
    counts = report["counts"]
    if states != {"ok"} or not counts["endpoints"] or counts["served"] != counts["endpoints"]:
        sys.exit(f"The quickstart's report is not as it should be: {states}, {counts}")
    return f"{counts['certificates']} certificates, served at {counts['served']} of {counts['endpoints']} endpoints"


def follow(readme: str, galaxy: Galaxy, home: pathlib.Path) -> None:
    env = environment(home, galaxy)
    say("a fresh virtual environment with ansible-core, which the README requires")
    run(f"{sys.executable} -m venv venv && pip install -q ansible-core", home, env)
    todo = commands(readme)
    if not any("quickstart" in command for command in todo):
        sys.exit("The README's section on installation does not start the quickstart.")
    stop = None
    try:
        for command in todo:
            say(f"$ {command}")
            starts = "certfleet.reseller.quickstart" in command and "quickstart_state=stopped" not in command
            if starts:
                stop = f"{command.partition('#')[0]} -e quickstart_state=stopped"
            run(command, home, env)
            if starts:
                say(f"  {served(home)}")
            elif "quickstart_state=stopped" in command:
                stop = None
    finally:
        if stop:
            run(stop, home, env)
    left = [path.name for path in (home / ".certfleet" / "quickstart").iterdir()]
    if left:
        sys.exit(f"The quickstart leaves something behind: {left}")


def main(arguments: list[str]) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = pathlib.Path(tempfile.mkdtemp(prefix="certfleet-stranger-"))
    try:
        tarball = pathlib.Path(arguments[0]).resolve() if arguments else build.build(home)
        with tarfile.open(tarball) as archive:
            text = archive.extractfile("README.md")
            assert text
            readme = text.read().decode()
        say(f"{tarball.name}, {tarball.stat().st_size / 1e6:.1f} MB, and its README; home is {home}")
        with Galaxy(tarball) as galaxy:
            follow(readme, galaxy, home)
        say("RESULT  ok: the README's commands work for a stranger")
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
