"""build.py [FOLDER]: build the collection's tarball in FOLDER (.work) from what git has, and print its path.

`ansible-galaxy collection build` takes every file of a folder that `build_ignore` does not name. From a checkout that
would be what editors, tools and tests left lying about, too; so it is started on a copy.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

import export


def build(folder: pathlib.Path) -> pathlib.Path:
    """The path of the tarball. Fails with what ansible-galaxy says."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        copy = pathlib.Path(temporary, "reseller")
        export.copy_files(copy)
        program = str(pathlib.Path(sys.executable).with_name("ansible-galaxy"))
        command = [program, "collection", "build", "--force", "--output-path", str(folder.resolve()), str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return pathlib.Path(done.stdout.strip().rsplit(" at ", 1)[1])


if __name__ == "__main__":
    print(build(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else export.ROOT / ".work"))
