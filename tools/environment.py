"""environment.py demo|test: set up .venv in the checkout, or do nothing when it is as it should be.

It holds the packages of requirements/<name>.txt, and a link .venv/collections/ansible_collections/certfleet/reseller to
the checkout: Ansible finds a collection by its path, and a checkout may be in a folder of any name. Runs on a bare
Python 3.11 or newer, the one the environment is made with.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
COLLECTIONS = VENV / "collections"
LINK = COLLECTIONS / "ansible_collections" / "certfleet" / "reseller"
PYTHON = VENV / "bin" / "python"
# what tests and guides use beside this one: an ACME client, stores of secrets, and modules for a controller
OTHERS = [
    "amazon.aws",
    "awx.awx",
    *(f"community.{name}" for name in ("aws", "crypto", "general", "hashi_vault", "sops")),
]
EXTRA_COLLECTIONS = {"demo": [], "test": OTHERS}
# pip says this once per package for each PIP_FIND_LINKS that is not there
NOISE = re.compile(r"WARNING: Location .* is ignored|^\s*$")
START = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - START:4.0f} s] {text}", flush=True)


def wanted(name: str) -> str:
    """A digest of everything the environment depends on; the path too, because scripts of a moved one do not start."""
    digest = hashlib.sha256(f"{ROOT}\n{sys.version_info[:2]}\n".encode())
    for path in requirement_files(ROOT / "requirements" / f"{name}.txt"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def requirement_files(path: pathlib.Path) -> list[pathlib.Path]:
    """The file and what it includes."""
    included = re.findall(r"^-r (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [path, *(file for name in included for file in requirement_files(path.parent / name))]


def is_ready(name: str) -> bool:
    stamp = VENV / f"{name}.stamp"
    return (
        LINK.exists() and LINK.samefile(ROOT) and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted(name)
    )


def is_usable() -> bool:
    """Whether the .venv that is there can be kept: same place, same Python."""
    place = VENV / "place"
    expected = f"{ROOT}\n{sys.version_info[:2]}"
    return place.is_file() and place.read_text(encoding="utf-8") == expected and PYTHON.exists()


def run(*command: str) -> None:
    """Run a command, showing what it says without the noise, and a sign of life every 15 seconds."""
    env = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    done = threading.Event()

    def beat() -> None:
        while not done.wait(15):
            say("    still at it")

    threading.Thread(target=beat, daemon=True).start()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as process:
        assert process.stdout
        for line in process.stdout:
            if not NOISE.search(line):
                print(f"         {line.rstrip()}", flush=True)
    done.set()
    if process.returncode:
        sys.exit(f"Failed, exit code {process.returncode}: {' '.join(command)}")


def create() -> None:
    if not (importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"{sys.executable} cannot make virtual environments (Debian and Ubuntu package this apart). Run\n"
            f"    sudo apt install python{version}-venv\nand then the same make command again."
        )
    say(f"making .venv with {sys.executable} ({'.'.join(map(str, sys.version_info[:3]))})")
    if VENV.exists():
        shutil.rmtree(VENV)
    run(sys.executable, "-m", "venv", str(VENV))
    (VENV / "place").write_text(f"{ROOT}\n{sys.version_info[:2]}", encoding="utf-8")


def link() -> None:
    """Relative, so that there is nothing to mend when the checkout is mounted elsewhere."""
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(os.path.relpath(ROOT, LINK.parent), target_is_directory=True)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in EXTRA_COLLECTIONS:
        sys.exit(__doc__)
    if is_ready(name):
        return
    print(f"Set-up for `make {name}`; this happens once and stays in {VENV}", flush=True)
    if not is_usable():
        create()
    link()
    say(f"installing requirements/{name}.txt from PyPI ({'half a minute' if name == 'demo' else 'a minute or two'})")
    # Without --no-compile pip compiles every file it installs; Python does that for the few that are used.
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
    run(*pip, "-r", str(ROOT / "requirements" / f"{name}.txt"))
    if collections := EXTRA_COLLECTIONS[name]:
        say(f"fetching the collections {', '.join(collections)}")
        run(str(PYTHON), str(ROOT / "tools" / "collection_from_pypi.py"), str(COLLECTIONS), *collections)
    for stamp in ("demo", "test") if name == "test" else ("demo",):
        (VENV / f"{stamp}.stamp").write_text(wanted(stamp), encoding="utf-8")
    say("set-up done")


if __name__ == "__main__":
    main()
