# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users see of an exception. Every kind of failure, of modules and of action plugins, ends here."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from .errors import CollectionError, StateError

# What the controller needs (README, "Requirements"); managed hosts need none of them.
_LIBRARIES = {"requests", "cryptography", "acme", "josepy", "idna"}


def describe(error: Exception) -> dict[str, Any]:
    """``msg``, the sentence for a person, and ``error``, its parts for a machine."""
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] in _LIBRARIES:
        library = (error.name or "").split(".")[0]
        python = sys.executable or "this Python"
        hint = "Install it: %s -m pip install %s; or set ansible_python_interpreter to a Python that has it." % (
            python,
            library,
        )
        return {
            "msg": "the Python library %s is missing for %s. %s" % (library, python, hint),
            "error": {"kind": "missing_library", "status": None, "code": library, "detail": None, "hint": hint},
        }
    if isinstance(error, OSError):
        error = StateError.of_system(error)
    if isinstance(error, CollectionError):
        return {"msg": error.sentence(), "error": error.payload()}
    # A defect of ours. The traceback names lines of code, not values; the text of a foreign exception may hold data, so its
    # type is all we show.
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join("%s:%s" % (f.name, f.lineno) for f in reversed(frames[-4:]))
    return {
        "msg": "Internal error (%s at %s). This is a defect of the collection; please report it."
        % (type(error).__name__, place),
        "error": {"kind": "internal", "status": None, "code": type(error).__name__, "detail": place, "hint": None},
    }
