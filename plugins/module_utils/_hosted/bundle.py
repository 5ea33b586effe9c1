# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the program for hosts of our own sources, on the controller: a zip archive that Python runs.

What ``main.py`` imports is found by following the imports, so the archive has what it needs and nothing else. Names and times in it are fixed: the
same sources make the same bytes, and a host that has them is left alone.
"""

from __future__ import annotations

import ast
import io
import os
import zipfile

from .._core import files
from .._core.errors import StateError

PACKAGE = "certfleet_host"
_START = ("_hosted", "main")
_MAIN = "import sys\n\nfrom %s._hosted.main import main\n\nsys.exit(main())\n" % PACKAGE
# The earliest time that a zip archive can have.
_TIME = (1980, 1, 1, 0, 0, 0)
_SHEBANG = b"#!/usr/bin/env python3\n"


def build(root: str | None = None) -> bytes:
    """The archive. ``root`` is the directory ``module_utils``; by default the one that this file is in."""
    top = root or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    entries = {"__main__.py": _MAIN.encode("utf-8"), PACKAGE + "/__init__.py": b""}
    for package, module in sorted(_reached(top)):
        entries.setdefault("%s/%s/__init__.py" % (PACKAGE, package), b"")
        entries["%s/%s/%s.py" % (PACKAGE, package, module)] = _source(top, package, module)
    stream = io.BytesIO()
    stream.write(_SHEBANG)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, entries[name])
    return stream.getvalue()


def _reached(top: str) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    open_ends = [_START]
    while open_ends:
        here = open_ends.pop()
        if here not in found:
            found.add(here)
            open_ends += _imports(top, here)
    return found


def _imports(top: str, module: tuple[str, str]) -> list[tuple[str, str]]:
    """Our own modules that one imports, at its top or inside of a function."""
    found = []
    for node in ast.walk(ast.parse(_source(top, *module))):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = (node.module or "").split(".") if node.module else []
            package = module[0] if node.level == 1 else parts.pop(0)
            # from .name import thing; from . import name
            found += [(package, name) for name in (parts[:1] or [alias.name for alias in node.names])]
    return found


def _source(top: str, package: str, module: str) -> bytes:
    path = os.path.join(top, package, module + ".py")
    content = files.read(path)
    if content is None:
        raise StateError("%s does not exist: the collection is not complete" % path, hint="Install it again.")
    return content
