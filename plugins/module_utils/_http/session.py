# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that uses ``requests``: one request, under rules that no caller can forget.

* https only (http to loopback alone), and no credentials in URLs;
* redirects are not followed: they would carry secrets to another host;
* ``.netrc`` is not read: it would silently replace the ``Authorization`` header;
* one total deadline per request, however slowly headers or body drip;
* bodies over a limit (1 MiB) are refused, compressed ones counted as unpacked;
* nothing is repeated here.

Proxies come from the environment, but never stand between us and a loopback address. ``REQUESTS_CA_BUNDLE`` is used when the user
gives no ``ca_path``.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import traceback
import zlib
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, TypeVar
from urllib.parse import urlsplit

from .._core.errors import InvalidData, NotSent, OutcomeUnknown, ProtocolError, TransportError, UsageError
from .urls import check_url, is_loopback, origin

if TYPE_CHECKING:
    import requests

Value = TypeVar("Value")

MAX_BODY = 1024 * 1024
USER_AGENT = "certfleet.reseller"

AGAIN = "Run again: what became of the request is found out then."
_LONGER = "Run again, with a longer timeout if this happens often."


class Session:
    """Looks like the part of ``requests.Session`` that the ``acme`` library uses, so that one set of rules serves both.

    ``option`` is the one that the address comes from, for messages.
    """

    def __init__(
        self, timeout: float = 30.0, ca_path: str | None = None, max_body: int = MAX_BODY, option: str = "the URL"
    ) -> None:
        import requests

        bundle = os.environ.get("REQUESTS_CA_BUNDLE")
        for name, path in (("ca_path", ca_path), ("REQUESTS_CA_BUNDLE", None if ca_path else bundle)):
            if path and not os.path.exists(path):
                raise UsageError(
                    "%s %s does not exist" % (name, path),
                    hint="Give the file with the certificate of your own CA, or leave %s out for the public ones."
                    % name,
                )
        if timeout <= 0:
            raise UsageError("timeout is %g" % timeout, hint="Give a number of seconds that is more than 0, like 30.")
        self._option = option
        self._timeout = timeout
        self._max_body = max_body
        self._verify: bool | str = ca_path or bundle or True
        self._session = requests.Session()
        self._session.trust_env = False
        # else requests reads the body of a redirect, unpacked and without limit, although it is not followed
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | str | None = None,
        timeout: float | None = None,
        **_ours: Any,
    ) -> requests.Response:
        """Sends one request and returns its answer, body read. ``_ours``: what a caller cannot choose (``verify``...)."""
        check_url(url)
        seconds = timeout or self._timeout
        return _within(seconds, lambda: self._send(method, url, headers, data, seconds), method, url)

    def close(self) -> None:
        self._session.close()

    def _send(
        self, method: str, url: str, headers: Mapping[str, str] | None, data: bytes | str | None, seconds: float
    ) -> requests.Response:
        import requests
        import urllib3

        try:
            response = self._session.request(
                method,
                url,
                headers=headers,
                data=data,
                timeout=(seconds, seconds),
                verify=self._verify,
                proxies=_proxies(url),
                allow_redirects=False,
                stream=True,
            )
            with response:
                if 300 <= response.status_code < 400 and "Location" in response.headers:
                    raise _redirected(response, url)
                response._content = _read(response, self._max_body)
                return response
        except requests.exceptions.RequestException as error:
            raise _translate(error, method, url, seconds, self._option) from None
        except (urllib3.exceptions.LocationValueError, UnicodeEncodeError):
            raise _unbuilt(url) from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise OutcomeUnknown("%s broke off its answer (%s)" % (origin(url), type(error).__name__), AGAIN) from None


def links(response: requests.Response, relation: str) -> list[str]:
    """All ``Link`` targets of a relation (RFC 8288); ``response.links`` keeps only the last one."""
    from requests.utils import parse_header_links

    header = response.headers.get("Link", "")
    return [link["url"] for link in parse_header_links(header) if link.get("rel") == relation] if header else []


def _within(seconds: float, call: Callable[[], Value], method: str, url: str) -> Value:
    """The total deadline: a socket's own timeout starts anew with every byte. A late worker is left to end by itself."""
    values: list[Value] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            values.append(call())
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(seconds + 0.5)  # a socket's own timeout knows more about what failed: let it speak first
    if errors:
        raise errors[0]
    if not values:
        raise OutcomeUnknown("%s %s took longer than %g seconds" % (method, origin(url), seconds), _LONGER)
    return values[0]


def _read(response: requests.Response, most: int) -> bytes:
    """The body, at most ``most`` bytes, unpacked if the server packed it although we asked it not to."""
    raw = b""
    while len(raw) <= most:  # a short body only shows when there is nothing more to read
        piece: bytes = response.raw.read(most + 1 - len(raw), decode_content=False)
        if not piece:
            break
        raw += piece
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip", "deflate"):
        raw = _unpack(raw, response.url, most)
    elif encoding not in ("identity", ""):
        raise ProtocolError("%s answers in an encoding that was not asked for" % origin(response.url), detail=encoding)
    if len(raw) > most:
        raise ProtocolError("%s sent more than %d bytes" % (origin(response.url), most), status=response.status_code)
    return raw


def _unpack(packed: bytes, url: str, most: int) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by its header
    try:
        unpacked = unpacker.decompress(packed, most + 1)
    except zlib.error:
        raise ProtocolError("%s sent a body that cannot be unpacked" % origin(url)) from None
    if not unpacker.eof and len(unpacked) <= most:
        raise OutcomeUnknown("%s broke off its answer" % origin(url), AGAIN)
    return unpacked


def _redirected(response: requests.Response, url: str) -> ProtocolError:
    target = response.headers["Location"]
    return ProtocolError(
        "%s redirects, which is not followed with credentials" % origin(url),
        hint="Give the address it names if that is right, else correct yours.",
        status=response.status_code,
        detail=_where(target),
    )


def _where(target: str) -> str:
    if "//" not in target:
        return "to another path"
    try:
        return origin(target)
    except ValueError:
        return "to a malformed address"


def _proxies(url: str) -> dict[str, str]:
    import requests

    return {} if is_loopback(urlsplit(url).hostname or "") else requests.utils.get_environ_proxies(url)


def _unbuilt(url: str) -> InvalidData:
    return InvalidData(
        "the request to %s cannot be built: a value has characters HTTP does not allow" % origin(url),
        hint="Look for line breaks and spaces in keys and addresses.",
    )


def _translate(error: Exception, method: str, url: str, seconds: float, option: str) -> TransportError | InvalidData:
    """What became of the request: surely not sent, or nobody knows."""
    import requests
    import urllib3

    where = origin(url)
    if isinstance(error, requests.exceptions.SSLError) and _while_connecting(error):
        return NotSent(
            "the TLS connection to %s failed" % where,
            hint="Check %s, and give ca_path if the server's CA is your own." % option,
            detail=_reason(error),
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return NotSent("%s does not answer" % where, hint="Check %s, the network and firewalls." % option)
    if isinstance(
        error,
        (requests.exceptions.ProxyError, requests.exceptions.InvalidSchema, requests.exceptions.InvalidProxyURL),
    ):
        hint = "Check https_proxy and no_proxy of the environment."
        return NotSent("%s cannot be reached through the proxy" % where, hint=hint, detail=_reason(error))
    if _while_connecting(error):
        hint = "Check %s, the network and proxies." % option
        return NotSent("%s cannot be reached" % where, hint=hint, detail=_reason(error))
    if isinstance(error, requests.exceptions.Timeout):
        return OutcomeUnknown("%s %s got no answer within %g seconds" % (method, where, seconds), _LONGER)
    unreadable = bool(error.args) and isinstance(error.args[0], urllib3.exceptions.InvalidHeader)  # of the answer
    if isinstance(error, (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL)) and not unreadable:
        return _unbuilt(url)
    return OutcomeUnknown("the connection to %s broke before its answer was complete" % where, AGAIN)


def _while_connecting(error: BaseException) -> bool:
    """Whether it failed before a byte of the request was sent: TCP, proxy, handshake. When in doubt, no."""
    return any(
        frame.name == "connect" for cause in _causes(error) for frame in traceback.extract_tb(cause.__traceback__)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and those it was raised for, the last one first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__context__


def _reason(error: Exception) -> str | None:
    """The words of OpenSSL (``self-signed certificate``) or of the system (``Connection refused``), where they said any."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, ssl.SSLError):
            return (cause.reason or "").replace("_", " ").lower() or None
        if isinstance(cause, socket.gaierror):
            return "its name cannot be resolved"
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            return cause.strerror
    return None
