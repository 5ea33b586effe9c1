# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns whatever ``cryptography`` raises on odd input into ``InvalidData``.

Malformed certificates do not only raise ``ValueError``: ``UnsupportedAlgorithm``, ``InvalidVersion``, ``TypeError`` and
``OverflowError`` come too, and a panic in its Rust code is a ``BaseException``
(https://docs.rs/pyo3/latest/pyo3/panic/struct.PanicException.html).
"""

from __future__ import annotations

import contextlib
from typing import Iterator

from .._core.errors import CollectionError, InvalidData


@contextlib.contextmanager
def guard(source: str, reason: str) -> Iterator[None]:
    """The foreign error's type is all that is shown of it: its text may quote the input, which may be a key."""
    try:
        yield
    except CollectionError:
        raise
    except BaseException as error:
        # KeyboardInterrupt and SystemExit are not about the input. The panic's class cannot be imported, only named.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InvalidData("%s: %s (%s)" % (source, reason, type(error).__name__)) from None


def require_library() -> None:
    """A missing or too old ``cryptography`` is an ``ImportError``, never a statement about the input."""
    from cryptography import x509

    if not hasattr(x509.Certificate, "not_valid_after_utc"):
        raise ImportError("cryptography 42 or newer is required", name="cryptography")
