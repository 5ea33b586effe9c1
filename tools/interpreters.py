"""The Pythons of this machine. A name on PATH proves nothing: pyenv's shims are there for versions that are not, and exit 127."""

from __future__ import annotations

import glob
import os
import pathlib
import shutil
import subprocess
import sys


def search_path() -> str:
    """PATH with the folders of real interpreters first, for tools that look for theirs by name."""
    folders = [str(pathlib.Path(sys.executable).parent)]
    versions = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions", "*", "bin")
    return os.pathsep.join([*folders, *sorted(glob.glob(versions)), os.environ.get("PATH", os.defpath)])


def find(version: str) -> str | None:
    """The path of the Python of this version, such as "3.8"; None where there is none that runs with ssl."""
    program = f"import ssl, sys; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
    for folder in search_path().split(os.pathsep):
        found = shutil.which(f"python{version}", path=folder)
        if found and subprocess.run([found, "-c", program], capture_output=True, check=False).returncode == 0:
            return found
    return None
