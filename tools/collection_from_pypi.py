"""collection_from_pypi.py DIRECTORY NAME...: put collections below DIRECTORY/ansible_collections, from PyPI alone.

`ansible-galaxy collection install` is the usual way; this one serves machines that reach a package index only. The
wheel of the `ansible` package (50 MB) holds all community collections: it is downloaded, the wanted ones are taken out,
the rest is thrown away. A collection that is there already is left alone.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import zipfile


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    destination = pathlib.Path(sys.argv[1])
    wanted = {name: "ansible_collections/" + name.replace(".", "/") + "/" for name in sys.argv[2:]}
    missing = {name: prefix for name, prefix in wanted.items() if not (destination / prefix / "MANIFEST.json").exists()}
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--only-binary=:all:", "--dest", folder, "ansible"], check=True)
        (wheel,) = pathlib.Path(folder).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name, prefix in missing.items():
                members = [member for member in archive.namelist() if member.startswith(prefix)]
                if not members:
                    sys.exit(f"{wheel.name} has no collection {name}.")
                # last, because its presence says that the rest is there
                members.sort(key=lambda member: member.endswith("/MANIFEST.json"))
                archive.extractall(destination, members)


if __name__ == "__main__":
    main()
