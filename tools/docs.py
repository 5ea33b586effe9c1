"""docs.py: the documentation site, in .work/docs/html.

antsibull-docs writes a page for each module, role, filter and lookup of the checkout, and copies the guides; Sphinx makes
HTML of them. A warning is an error, a reference that leads nowhere too, and nothing is fetched from the network.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(sys.executable).parent
SITE = ROOT / "docs" / "site"
GUIDES = ROOT / "docs" / "docsite"
WORK = ROOT / ".work" / "docs"
SOURCE = WORK / "source"
# the titles of the reference's pages; antsibull-docs writes <name>_<kind>.rst
KINDS = {"module": "Modules", "role": "Roles", "filter": "Filters", "lookup": "Lookups"}
ENTRY = re.compile(r"^\* :ansplugin:`\w+ \w+ <(certfleet\.reseller\.(\w+)#(\w+))>` -- (.+)$", re.MULTILINE)

CONTENTS = ".. contents::\n   :local:\n   :depth: 1\n"


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
    }


def generate() -> None:
    """The pages that antsibull-docs writes, and what they refer to."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True, mode=0o755)  # antsibull-docs refuses a directory that others may write to
    command = [str(BIN / "antsibull-docs"), "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"]
    command += ["--dest-dir", str(SOURCE), "certfleet.reseller"]
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)
    (SOURCE / "environment_variables.rst").unlink()  # of plugins' settings; there are none
    for path in SOURCE.rglob("*.rst"):  # the theme has a table of contents beside each page
        path.write_text(path.read_text(encoding="utf-8").replace(CONTENTS, ""), encoding="utf-8")
    shutil.copytree(GUIDES / "images", SOURCE / "images")


def toctree(caption: str, entries: list[str], *more: str) -> str:
    options = [f"   :caption: {caption}"] if caption else []
    return "\n".join(
        [".. toctree::", *options, *(f"   {line}" for line in more), "", *(f"   {e}" for e in entries), "", ""]
    )


def write_reference() -> None:
    """One page for each kind instead of antsibull-docs' index of everything, which knows no groups."""
    index = SOURCE / "index.rst"
    found = {(kind, name): (ref, text) for ref, name, kind, text in ENTRY.findall(index.read_text(encoding="utf-8"))}
    pages = {tuple(reversed(path.stem.rsplit("_", 1))) for path in SOURCE.glob("*_*.rst")}
    if set(found) != pages or {kind for kind, _name in found} != set(KINDS):
        sys.exit(f"{index} and the pages beside it do not name the same plugins: {sorted(set(found) ^ pages)}")
    for kind, title in KINDS.items():
        names = [name for each, name in found if each == kind]
        lines = [f"* :ansplugin:`{name} <{found[kind, name][0]}>` -- {found[kind, name][1]}" for name in names]
        menu = toctree("", [f"{name} <{name}_{kind}>" for name in names], ":hidden:")
        text = "\n".join([title, "=" * len(title), "", *lines, "", menu])
        (SOURCE / f"{kind}s.rst").write_text(text, encoding="utf-8")


def write_front_page() -> None:
    """docs/site/index.rst, with the guides in the sections of extra-docs.yml, and the reference."""
    sections = yaml.safe_load((GUIDES / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    menu = [
        toctree(entry["title"], [f"docsite/{name}" for name in entry["toctree"]], ":maxdepth: 1") for entry in sections
    ]
    menu.append(toctree("Reference", [f"{kind}s" for kind in KINDS], ":maxdepth: 1"))
    (SOURCE / "menu.txt").write_text("\n".join(menu), encoding="utf-8")
    shutil.copy(SITE / "index.rst", SOURCE / "index.rst")


def build() -> int:
    command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fresh-env", "--quiet", "--jobs", "auto"]
    command += ["--fail-on-warning", "--nitpicky", "--conf-dir", str(SITE), "--doctree-dir", str(WORK / "doctrees")]
    return subprocess.run([*command, str(SOURCE), str(WORK / "html")], env=environment(), check=False).returncode


def main() -> int:
    generate()
    write_reference()
    write_front_page()
    shutil.rmtree(WORK / "html", ignore_errors=True)
    code = build()
    if not code:
        pages = sum(1 for _path in (WORK / "html").rglob("*.html"))
        print(f"{pages} pages: {(WORK / 'html' / 'index.html').relative_to(ROOT)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
