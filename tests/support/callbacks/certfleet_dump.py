# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A callback that writes down all results that Ansible gives it, and the arguments of tasks: what log collectors do."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: certfleet_dump
type: notification
short_description: Writes results and arguments into files
description:
  - Used by the tests alone. Their directory is named by the environment variable CERTFLEET_DUMP.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "certfleet_dump"
    CALLBACK_NEEDS_ENABLED = True

    def _dump(self, result: Any, **_options: Any) -> None:
        # no_log is for callbacks to respect: they get the arguments in any case
        arguments = None if "censored" in result._result else result._task.args
        for name, content in (("results", result._result), ("arguments", arguments)):
            with open(os.path.join(os.environ["CERTFLEET_DUMP"], name), "a", encoding="utf-8") as file:
                file.write(json.dumps({"task": str(result._task), name: content}, default=str) + "\n")

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_skipped = v2_runner_on_unreachable = _dump
    v2_runner_item_on_ok = v2_runner_item_on_failed = v2_runner_item_on_skipped = v2_runner_retry = v2_on_file_diff = (
        _dump
    )
