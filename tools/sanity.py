"""sanity.py [ANSIBLE-TEST-ARGUMENT...]: run `ansible-test sanity` on a copy of the checkout.

ansible-test wants the collection at a real path .../ansible_collections/certfleet/reseller, so what git would commit is
copied there. It gets a home directory of its own below .work: its caches can be removed with the checkout, and the
stand-in for get-pip.py (see get_pip.py) does not stay behind where other projects would use it.
"""

from __future__ import annotations

import configparser
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig

import export
import interpreters

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / ".work"
COPY = WORK / "ansible_collections" / "certfleet" / "reseller"
HOME = WORK / "home"
NOISE = re.compile(r"Installing requirements for|Using cached pip|Running sanity test|WARNING: Using locale")
ABSENT = re.compile(r"^WARNING: Skipping sanity test .* on Python ([0-9.]+) because it could not be found")


def prepare_home() -> None:
    """The stand-in under the name that the installed ansible-test looks for, and pip's settings."""
    source = pathlib.Path(sysconfig.get_path("purelib"), "ansible_test", "_internal", "python_requirements.py")
    versions = set(re.findall(r"\bpip='([0-9.]+)'", source.read_text(encoding="utf-8")))
    if not versions:
        sys.exit(f"{source} does not say which pip it wants any more; prepare_home() in {__file__} needs an update.")
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        shutil.copy(ROOT / "tools" / "get_pip.py", cache / f"get_pip_{version.replace('.', '_')}.py")

    # ansible-test passes no PIP_* variable on, and pip's files are looked up in the home directory
    settings = configparser.RawConfigParser()
    settings.add_section("global")
    settings.set("global", "quiet", "2")
    pip = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    found = re.findall(r"^(global|install|:env:)\.([\w-]+)=(.*)$", pip.stdout, re.MULTILINE)
    for _source, key, value in sorted(found, key=lambda entry: entry[0] == ":env:"):  # variables win
        if key in ("cert", "index-url", "extra-index-url", "proxy", "trusted-host"):
            settings.set("global", key, shlex.split(value)[0])
    folder = HOME / ".config" / "pip"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pip.conf").open("w", encoding="utf-8") as file:
        settings.write(file)


def main() -> int:
    export.copy_files(COPY)
    # ansible-test asks git which files there are
    subprocess.run(["git", "init", "-q", str(COPY)], check=True)
    prepare_home()
    env = {**os.environ, "HOME": str(HOME), "PATH": interpreters.search_path()}
    command = [str(pathlib.Path(sys.executable).with_name("ansible-test")), "sanity", "--color", "no", *sys.argv[1:]]
    with subprocess.Popen(
        command, cwd=COPY, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout
        absent = set()
        for line in process.stdout:
            if match := ABSENT.search(line):
                absent.add(match.group(1))
            elif not NOISE.match(line):
                print(line, end="", flush=True)
    if absent:
        versions = ", ".join(sorted(absent, key=lambda version: [int(part) for part in version.split(".")]))
        print(f"skipped: compile and import with Python {versions}, which this machine does not have")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
