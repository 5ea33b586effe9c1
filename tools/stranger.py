"""stranger.py [TARBALL]: follow the README's section on installation, as somebody who has nothing but the tarball.

All commands of the section are run, in order and as they stand there, in a fresh virtual environment with ansible-core,
with a home directory of its own and outside the checkout. A small Galaxy on loopback stands in for galaxy.ansible.com
and has this one tarball; Python packages come from PyPI. Afterwards nothing of it runs or is left.
"""

from __future__ import annotations

import hashlib
import http.server
import io
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
import threading
import time

import build

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
    return [line.strip() for line in re.findall(r"^    \S.*$", section.group(1), re.MULTILINE)]


class Galaxy(http.server.ThreadingHTTPServer):
    """The four requests that `ansible-galaxy collection install` and `verify` send, of Galaxy's API v3."""

    def __init__(self, tarball: pathlib.Path) -> None:
        super().__init__(("127.0.0.1", 0), GalaxyRequest)
        self.content = tarball.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(self.content)) as archive:
            manifest = archive.extractfile("MANIFEST.json")
            assert manifest
            self.info = json.loads(manifest.read())["collection_info"]
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.place = f"/api/v3/collections/{self.info['namespace']}/{self.info['name']}"

    def answer(self, path: str) -> bytes | None:
        name, version = f"{self.info['namespace']}-{self.info['name']}", self.info["version"]
        detail = {
            "namespace": {"name": self.info["namespace"]},
            "collection": {"name": self.info["name"]},
            "version": version,
            "href": f"{self.place}/versions/{version}",
            "download_url": f"{self.url}/download/{name}-{version}.tar.gz",
            "artifact": {"sha256": hashlib.sha256(self.content).hexdigest()},
            "metadata": {"dependencies": self.info["dependencies"]},
            "signatures": [],
        }
        documents = {
            "/api": {"available_versions": {"v3": "v3/"}},
            self.place: {"href": self.place, "name": self.info["name"], "highest_version": {"version": version}},
            f"{self.place}/versions": {"meta": {"count": 1}, "links": {"next": None}, "data": [detail]},
            f"{self.place}/versions/{version}": detail,
        }
        if path.startswith("/download/"):
            return self.content
        return json.dumps(documents[path]).encode() if path in documents else None


class GalaxyRequest(http.server.BaseHTTPRequestHandler):
    server: Galaxy

    def do_GET(self) -> None:
        body = self.server.answer(self.path.partition("?")[0].rstrip("/"))
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what goes wrong, ansible-galaxy tells."""


def environment(home: pathlib.Path, galaxy: Galaxy) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    for folder in (".config/pip", ".pip"):  # pip's settings of the user
        source = pathlib.Path.home() / folder / "pip.conf"
        if source.is_file():
            env.setdefault("PIP_CONFIG_FILE", str(source))
    path = os.pathsep.join([str(home / "venv" / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    return {**env, "HOME": str(home), "PATH": path, "ANSIBLE_GALAXY_SERVER": galaxy.url, "NO_COLOR": "1"}


def run(command: str, home: pathlib.Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
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


def follow(readme: str, tarball: pathlib.Path, home: pathlib.Path) -> None:
    galaxy = Galaxy(tarball)
    threading.Thread(target=galaxy.serve_forever, daemon=True).start()
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
            run(command, home, env)
            if "quickstart_state=stopped" in command:
                stop = None
            elif "certfleet.reseller.quickstart" in command:
                stop = f"{command.partition('#')[0]} -e quickstart_state=stopped"
                say(f"  {served(home)}")
    finally:
        if stop:
            run(stop, home, env)
        galaxy.shutdown()
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
        follow(readme, tarball, home)
        say("RESULT  ok: the README's commands work for a stranger")
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
