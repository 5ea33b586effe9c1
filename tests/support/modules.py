# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run as Ansible runs them: a process each, arguments as JSON on standard input, the result as JSON on its output.

What `ansible-playbook` adds is tested in tests/integration; without it a run takes a quarter of a second, not two.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
arguments = json.load(sys.stdin)
try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core 2.18
    from ansible.module_utils import basic
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    module.main()
else:
    with patch_module_args(arguments):
        module.main()
"""


@dataclass(frozen=True)
class Run:
    """`output` is all that the process wrote: what must not have a secret in it."""

    result: dict[str, Any]
    output: str
    code: int

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))


def start(
    name: str,
    options: Mapping[str, Any],
    *,
    check: bool = False,
    diff: bool = False,
    environment: Mapping[str, str] | None = None,
    library: Path | None = None,
    wrapper: tuple[str, ...] = (),
) -> subprocess.Popen[str]:
    """The process, its arguments sent. `library` is searched first: a place for modules that break on import."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": diff}
    arguments["_ansible_remote_tmp"] = os.environ.get("TMPDIR", "/tmp")
    paths = [str(library)] if library else []
    paths += os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env.update({"PYTHONPATH": os.pathsep.join(paths), **(environment or {})})
    process = subprocess.Popen(
        [*wrapper, sys.executable, "-c", _PROGRAM, f"ansible_collections.certfleet.reseller.plugins.modules.{name}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
    assert process.stdin
    process.stdin.write(json.dumps(arguments))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str], seconds: float = 60) -> Run:
    with process:
        out, err = process.communicate(timeout=seconds)
    try:
        result = json.loads(out)
    except ValueError:
        result = {}
    return Run(result, out + err, process.returncode)


def run(name: str, options: Mapping[str, Any], **how: Any) -> Run:
    """Runs a module to its end; its result must be JSON."""
    done = finish(start(name, options, **how))
    assert done.result, done.output
    return done
