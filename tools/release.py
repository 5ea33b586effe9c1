"""release.py check TAG | importer TARBALL | sbom TARBALL FILE: what a release needs; docs/development/releasing.md has the order.

check: the tag, galaxy.yml and the changelog name the same version, and the changelog has taken in all fragments.
importer: what Galaxy does with a tarball when it is published, with every warning a failure.
sbom: writes the software bill of materials (CycloneDX, JSON) of what the collection and its roles install.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = [pathlib.Path("requirements.txt"), *sorted(pathlib.Path().glob("roles/*/files/requirements.txt"))]
IMPORTER = """[galaxy-importer]
CHECK_REQUIRED_TAGS = True
REQUIRE_V1_OR_GREATER = True
RUN_ANSIBLE_TEST = False
ANSIBLE_LOCAL_TMP = {folder}
"""
PROJECT = """[project]
name = "certfleet.reseller"
version = "{version}"
description = "An Ansible collection, and the packages that it and its roles need"
license = "GPL-3.0-or-later"
dependencies = {dependencies}
"""


def galaxy() -> dict[str, Any]:
    import yaml

    loaded: dict[str, Any] = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    return loaded


def check(tag: str) -> list[str]:
    """What speaks against releasing this tag."""
    import yaml

    version, problems = galaxy()["version"], []
    if tag != f"v{version}":
        problems.append(f"the tag is {tag}, but galaxy.yml has version {version}: the tag must be v{version}")
    path = ROOT / "changelogs" / "changelog.yaml"
    releases = yaml.safe_load(path.read_text(encoding="utf-8"))["releases"] if path.exists() else {}
    if version not in releases:
        problems.append(f"changelogs/changelog.yaml does not have {version}: run `antsibull-changelog release`")
    left = sorted(path.name for path in (ROOT / "changelogs" / "fragments").glob("*.y*ml"))
    if left:
        problems.append(f"fragments are not in the changelog yet: {', '.join(left)}")
    if not (ROOT / "docs" / "development" / "release-key.asc").exists():
        problems.append("docs/development/release-key.asc, the public key of the signature, is missing")
    return problems


def importer(tarball: pathlib.Path) -> list[str]:
    """Warnings and errors of galaxy-importer, of the environment that runs this."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "galaxy-importer.cfg")
        config.write_text(IMPORTER.format(folder=folder), encoding="utf-8")
        programs = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
        env = {**os.environ, "GALAXY_IMPORTER_CONFIG": str(config), "ANSIBLE_HOME": folder, "PATH": programs}
        command = [sys.executable, "-m", "galaxy_importer.main", str(tarball.resolve())]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    problems = re.findall(r"^(?:WARNING|ERROR|CRITICAL)\b.*$", output, re.MULTILINE)
    if done.returncode or "Importer processing completed successfully" not in output:
        problems.append(output[-2000:])
    print(f"galaxy-importer has loaded {len(re.findall('^Loading ', output, re.MULTILINE))} things")
    return problems


def sbom(tarball: pathlib.Path, target: pathlib.Path) -> list[str]:
    """Install what the requirement files ask for, by themselves, and list what that brings along."""
    names = [re.split(r"[<>=!~ ;#]", line)[0] for path in REQUIREMENTS for line in path.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        python, project = pathlib.Path(folder, "venv", "bin", "python"), pathlib.Path(folder, "pyproject.toml")
        # without pip, for it is none of the packages that are needed
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(python.parents[1])], check=True)
        wanted = [argument for path in REQUIREMENTS for argument in ("-r", str(path))]
        subprocess.run([sys.executable, "-m", "pip", "-q", "--python", str(python), "install", *wanted], check=True)
        project.write_text(
            PROJECT.format(version=galaxy()["version"], dependencies=json.dumps(sorted(filter(None, set(names))))),
            encoding="utf-8",
        )
        command = [str(pathlib.Path(sys.executable).with_name("cyclonedx-py")), "environment", "--validate"]
        command += ["--mc-type", "library", "--output-reproducible", "--pyproject", str(project), str(python)]
        made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    document = json.loads(made.stdout)
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    document["metadata"]["component"]["hashes"] = [{"alg": "SHA-256", "content": digest}]
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{target.name}: {len(document['components'])} packages")
    return [] if document["components"] else ["the bill of materials is empty"]


def main(arguments: list[str]) -> int:
    os.chdir(ROOT)
    match arguments:
        case ["check", tag]:
            problems = check(tag)
        case ["importer", tarball]:
            problems = importer(pathlib.Path(tarball))
        case ["sbom", tarball, target]:
            problems = sbom(pathlib.Path(tarball), pathlib.Path(target))
        case _:
            sys.exit(__doc__)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
