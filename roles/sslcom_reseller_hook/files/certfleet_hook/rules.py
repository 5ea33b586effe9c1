# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy in use: the file's, as long as it is right, and the last right one otherwise, over restarts too."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path

from certfleet_hook.logs import logger
from certfleet_hook.metrics import CUSTOMERS, POLICY_GOOD, POLICY_LOADED
from certfleet_hook.policy import UNPINNED, Policy, PolicyError, load

LARGEST = 64 * 1024 * 1024
EMPTY = b'{"version": 1, "customers": {}}'


class Rules:
    """``refresh`` looks at the file, and costs a stat when nothing changed."""

    def __init__(self, path: str, state: str) -> None:
        self._path, self._kept = Path(path), Path(state) / "policy.accepted.json"
        self._seen: object = None
        self.policy = load(EMPTY)  # nobody may do anything
        self.good = False
        self.refresh()
        if not self.good:
            with contextlib.suppress(OSError, PolicyError):
                self._use(load(self._kept.read_bytes()))
                logger.warning("the last policy that was right is in use")

    def refresh(self) -> None:
        try:
            found = os.stat(self._path)
            # with the time of the last chmod: who may not read it now may later
            mark: object = (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size)
        except OSError as error:
            mark = str(error.strerror)
        if mark == self._seen:
            return
        self._seen = mark
        try:
            with self._path.open("rb") as file:
                text = file.read(LARGEST)
            self._use(load(text))
        except (OSError, PolicyError) as error:
            self.good = False
            POLICY_GOOD.set(0)
            logger.error("the policy was refused, the one before stays", extra={"facts": {"reason": str(error)[:1000]}})
            return
        self.good = True
        POLICY_GOOD.set(1)
        logger.info(
            "the policy is in use",
            extra={"facts": {"digest": self.policy.digest, "customers": len(self.policy.customers)}},
        )
        self._keep(text)

    def _use(self, policy: Policy) -> None:
        self.policy = policy
        CUSTOMERS.set(len(policy.customers))
        POLICY_LOADED.set(time.time())
        if policy.customers and not policy.trusted:
            logger.warning(UNPINNED)

    def _keep(self, text: bytes) -> None:
        """For a restart beside a file that has become wrong."""
        try:
            if self._kept.exists() and self._kept.read_bytes() == text:
                return
            with tempfile.NamedTemporaryFile(dir=self._kept.parent, delete=False) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(file.name, self._kept)
        except OSError as error:
            logger.error("the policy could not be kept for restarts", extra={"facts": {"reason": str(error.strerror)}})
