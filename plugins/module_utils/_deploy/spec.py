# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``certificate_deploy``, for the module and for its action plugin."""

from __future__ import annotations

from typing import Any

# The names of ``_tls.starttls`` and ``_tls.peer``, written out: a test compares them.
STARTTLS = ["smtp", "imap", "pop3", "ftp", "ldap", "postgres", "mysql", "xmpp"]
KEY_TYPES = ["rsa", "ecdsa"]
PROOF_FROM = ["host", "controller"]
BUNDLES = ["combined.pem", "keystore.p12"]

ENDPOINT: dict[str, Any] = {
    "port": {"type": "int", "required": True},
    "address": {"type": "str"},
    "server_name": {"type": "str"},
    "starttls": {"type": "str", "choices": STARTTLS},
    "key_type": {"type": "str", "choices": KEY_TYPES, "no_log": False},
    "proof_from": {"type": "str", "choices": PROOF_FROM, "default": "host"},
}

WITHOUT_SYSTEMD: dict[str, Any] = {
    "config_test": {"type": "list", "elements": "list"},
    "reload": {"type": "list", "elements": "list"},
    "recover": {"type": "list", "elements": "list"},
}

CERTIFICATE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "domains": {"type": "list", "elements": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "key_mode": {"type": "str", "default": "0600", "no_log": False},
    "mode": {"type": "str", "default": "0644"},
    "config_test": {"type": "list", "elements": "list", "default": []},
    "reload": {"type": "list", "elements": "list", "default": []},
    "recover": {"type": "list", "elements": "list", "default": []},
    "without_systemd": {"type": "dict", "options": WITHOUT_SYSTEMD},
    "unit": {"type": "str"},
    "bundles": {"type": "list", "elements": "str", "choices": BUNDLES, "default": []},
    "keystore_password": {"type": "str", "no_log": True},
    "keystore_password_path": {"type": "path", "no_log": False},
    "endpoints": {"type": "list", "elements": "dict", "default": [], "options": ENDPOINT},
    # what the action plugin fills in
    "serial": {"type": "str"},
    "fingerprint": {"type": "str"},
    "not_after": {"type": "str"},
    "names": {"type": "list", "elements": "str"},
    "digests": {"type": "dict"},
}

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "sets_path": {"type": "path", "required": True},
    "root": {"type": "path", "default": "/etc/certfleet"},
    "certificates": {"type": "list", "elements": "dict", "required": True, "options": CERTIFICATE},
    "directory_mode": {"type": "str", "default": "0755"},
    "keep": {"type": "int", "default": 2},
    "proof_timeout": {"type": "float", "default": 10.0},
    # An option of its own, not a suboption: Ansible writes its invocation to the system's log, and there it finds
    # secrets in suboptions only when ``repr`` leaves them as they are. Line breaks in a PEM file do not survive that.
    "contents": {"type": "dict", "no_log": True},
    "seen": {"type": "dict"},
}
