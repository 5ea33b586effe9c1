# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection. They carry data only; the engine turns them into ``fail_json``.

CollectionError
 +-- UsageError       the user's options do not fit together, or do not fit what is on disk
 +-- StateError       what is on disk is damaged, foreign or cannot be written
 +-- LockedError      another run holds the lock
 +-- InvalidData      bytes from outside are not what they should be (certificates, keys, answers)
 +-- VerifyError      a certificate set does not fit (key, names, chain, dates)
 +-- ProviderError    the provider answered, and the answer is no
 |    +-- AuthError         it does not accept our credentials
 |    +-- RateLimited       come back later (``retry_at``)
 |    +-- ProtocolError     its answer is not what its documentation says
 +-- TransportError   no usable answer
      +-- NotSent           the request surely did not reach the provider
      +-- OutcomeUnknown    a write was sent and no answer tells what became of it
"""

from __future__ import annotations

import errno
import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def clean(text: object, limit: int = 300) -> str:
    """Text from outside, fit for a message: no control characters, no line breaks, capped to ``limit`` characters."""
    plain = _CONTROL.sub(" ", str(text)).strip()
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


class CollectionError(Exception):
    """A failure in one sentence for a person, and its parts for a machine.

    ``message`` says what failed, why, and ``hint`` what to do. ``status`` is the HTTP status, ``code`` the provider's own
    word for the error, ``detail`` the provider's text (data from outside: cleaned and capped).
    """

    kind = "error"

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        status: int | None = None,
        code: str | None = None,
        detail: str | None = None,
        **extra: object,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
        self.code = clean(code, 100) if code is not None else None
        self.detail = clean(detail) if detail is not None else None
        self.extra = extra

    def sentence(self) -> str:
        """The message for a person."""
        text = self.message.rstrip(".")
        if self.detail and self.detail not in text:
            text += ": " + self.detail.rstrip(".")
        return text + "." + (" " + self.hint if self.hint else "")

    def payload(self) -> dict[str, object]:
        """The ``error`` member of the module's result."""
        return {
            "kind": self.kind,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "hint": self.hint,
            **self.extra,
        }


class UsageError(CollectionError):
    kind = "usage"


class StateError(CollectionError):
    kind = "state"

    @classmethod
    def of_system(cls, error: OSError, path: str | None = None) -> StateError:
        """What the operating system refused; ``path`` is what could not be written, where the call does not know it."""
        what = "%s cannot be written" % path if path else error.filename or "file operation"
        hint = _MENDS.get(error.errno or 0, "Make the place usable, and run again.")
        return cls("%s: %s" % (what, error.strerror or type(error).__name__), hint=hint)


_ROOM, _ALLOW = (
    "Make room there, and run again.",
    "Let the user that the task runs as write there (or set become), and run again.",
)
_MENDS = {
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EROFS: "Give another path, or mount it for writing.",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,  # the limit of a process
    errno.ENOTDIR: "There is a file where a directory is needed: give another path, or move it away.",
    errno.EISDIR: "There is a directory where a file is needed: give another path, or move it away.",
}


class LockedError(CollectionError):
    kind = "locked"


class InvalidData(CollectionError):
    kind = "invalid_data"


class VerifyError(CollectionError):
    kind = "verify"


class ProviderError(CollectionError):
    """``readable``: the answer had the form of the provider's own answers (JSON). Otherwise a proxy may have said it."""

    kind = "provider"
    readable = False


class AuthError(ProviderError):
    kind = "auth"


class RateLimited(ProviderError):
    """``extra["retry_at"]``: ISO 8601 UTC, when a run makes sense again."""

    kind = "rate_limited"


class ProtocolError(ProviderError):
    kind = "protocol"


class TransportError(CollectionError):
    kind = "transport"


class NotSent(TransportError):
    kind = "unreachable"


class OutcomeUnknown(TransportError):
    kind = "outcome_unknown"
