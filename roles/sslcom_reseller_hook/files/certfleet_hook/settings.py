# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's own settings: one JSON file, which Ansible writes, and the secrets it points to."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from certfleet_hook import strict

# 32 characters of base64url are 192 bits
SECRET = re.compile(r"[A-Za-z0-9_-]{32,200}")


class SettingsError(ValueError):
    """What is wrong with the settings, in a sentence."""


@dataclass(frozen=True)
class Settings:
    """Seconds are whole. ``socket_path`` instead of an address is for a proxy on the same host."""

    database_url: str
    policy_path: str
    prefix_path: str
    state_path: str
    events_token_path: str = ""
    metrics_token_path: str = ""
    address: str = "127.0.0.1"
    port: int = 8088
    socket_path: str = ""
    behind_proxy: bool = False
    tls_certificate_path: str = ""
    tls_key_path: str = ""
    tls_client_ca_path: str = ""
    request_seconds: int = 10
    answer_seconds: int = 20
    connections: int = 500
    log_level: str = "info"

    @property
    def local(self) -> bool:
        return bool(self.socket_path) or ip_address(self.address).is_loopback


def load(path: str | Path) -> Settings:
    """SettingsError when the file is missing or wrong, or would serve strangers without TLS."""
    try:
        data = strict.parse(Path(path).read_bytes())
    except (OSError, strict.BadJson) as error:
        raise SettingsError(f"the settings in {path} cannot be read: {_why(error)}") from None
    if not isinstance(data, dict):
        raise SettingsError(f"the settings in {path} are not an object")
    known = {each.name: {"str": str, "int": int, "bool": bool}[str(each.type)] for each in fields(Settings)}
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise SettingsError(f"the settings in {path} have unknown keys: {', '.join(unknown)}")
    # a boolean is a number to Python
    wrong = sorted(
        key
        for key, value in data.items()
        if not isinstance(value, known[key]) or (isinstance(value, bool) and known[key] is not bool)
    )
    if wrong:
        raise SettingsError(f"the settings in {path} have values of a wrong type: {', '.join(wrong)}")
    missing = sorted({"database_url", "policy_path", "prefix_path", "state_path"} - set(data))
    if missing:
        raise SettingsError(f"the settings in {path} lack {', '.join(missing)}")
    return check(Settings(**data))


def check(settings: Settings) -> Settings:
    try:
        local = settings.local
    except ValueError:
        raise SettingsError("address must be an IP address") from None
    if bool(settings.tls_certificate_path) != bool(settings.tls_key_path):
        raise SettingsError("tls_certificate_path and tls_key_path belong together")
    if settings.tls_client_ca_path and not settings.tls_certificate_path:
        raise SettingsError("tls_client_ca_path needs tls_certificate_path and tls_key_path")
    if not local and not settings.behind_proxy and not settings.tls_certificate_path:
        raise SettingsError("an address that others reach needs TLS: give a certificate, or say behind_proxy")
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise SettingsError("log_level must be debug, info, warning or error")
    if (
        min(settings.request_seconds, settings.answer_seconds, settings.connections) < 1
        or not 0 <= settings.port < 65536
    ):
        raise SettingsError("port, request_seconds, answer_seconds or connections is out of range")
    return settings


def secret(path: str) -> str:
    """A secret of at least 32 characters of base64url, from a file that only its owner can read."""
    try:
        with open(path, encoding="ascii") as file:
            status = os.fstat(file.fileno())
            text = file.read(1000).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the secret in {path} cannot be read: {_why(error)}") from None
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SettingsError(f"the secret in {path} can be read by others; its mode must be 0600")
    if not SECRET.fullmatch(text):
        raise SettingsError(f"the secret in {path} must have 32 to 200 letters, digits, _ or -")
    return text


def _why(error: Any) -> str:
    return str(getattr(error, "strerror", None) or error)
