# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the database while the service goes on writing."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy import URL, make_url

from certfleet_hook import clock

DUMP_SECONDS = 3600


class BackupError(RuntimeError):
    """Why there is no copy."""


def backup(url: str, directory: Path, keep: int, now: int) -> Path:
    """A consistent copy, on the disk before it has its name; older ones than the newest ``keep`` are removed."""
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = clock.text(now).replace(":", "").replace("-", "").replace(".", "")
    final = directory / f"hook-{stamp}.{'sqlite' if sqlite else 'dump'}"
    part = final.with_suffix(".part")
    for left in directory.glob("hook-*.part"):  # by a backup that was killed
        if left.stat().st_mtime * 1000 < now - 2 * DUMP_SECONDS * 1000:  # one that runs now is not that old
            left.unlink(missing_ok=True)
    try:
        part.touch(mode=0o600)
        if sqlite:
            _copy(Path(parsed.database or ""), part)
        else:
            _dump(parsed, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(final)
    finally:
        part.unlink(missing_ok=True)
    for old in sorted(directory.glob(f"hook-*{final.suffix}"))[: -max(1, keep)]:
        old.unlink()
    return final


def _copy(source: Path, target: Path) -> None:
    """By SQLite itself: a copy of the file could be torn, and would lack what is in the write-ahead log."""
    if not source.exists():
        raise BackupError(f"there is no database {source}")
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        try:
            old.backup(new)
            (verdict,) = new.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            raise BackupError(f"the database was not copied: {error}") from None
    if verdict != "ok":
        raise BackupError("the copy is not sound")


def _dump(url: URL, target: Path) -> None:
    """By PostgreSQL's own program."""
    program = shutil.which("pg_dump")
    if not program:
        raise BackupError("pg_dump is not installed")
    plain, environment = without_secrets(url)
    command = [program, "--format=custom", f"--file={target}", f"--dbname={plain}"]
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"pg_dump failed: {done.stderr.strip().splitlines()[-1:]}")


def without_secrets(url: URL) -> tuple[str, dict[str, str]]:
    """The URL for an argument, which all can read, and libpq's environment variable with the password that it had.

    A URL may have it among its parameters, too, where it wins. BackupError for sslpassword, which has no variable
    (https://www.postgresql.org/docs/current/libpq-envars.html).
    """
    told = url.normalized_query
    if "sslpassword" in told:
        raise BackupError(
            "pg_dump would show sslpassword to all users: use a key without a password, in a file of mode 0600"
        )
    password = told["password"][-1] if "password" in told else url.password
    plain = url.set(drivername="postgresql").difference_update_query(["password"])._replace(password=None)
    return plain.render_as_string(hide_password=False), {} if password is None else {"PGPASSWORD": str(password)}
