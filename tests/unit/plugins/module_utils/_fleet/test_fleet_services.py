# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services by name: the role's table, and those of users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import model, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import certificates, services
from ansible_collections.certfleet.reseller.plugins.module_utils._tls import peer, starttls

ROLE = Path(__file__).resolve().parents[5] / "roles" / "certificate_deploy"
KNOWN: dict[str, Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__certificate_deploy_known_services"]


@pytest.mark.parametrize("name", KNOWN)
def test_each_known_service(name: str) -> None:
    """It is reloaded, brought back, and asked without systemd too, by programs that the host has."""
    found = services.for_deploy([name], KNOWN, {})
    assert len(found["reload"]) == len(found["recover"]) == 1
    other = found["without_systemd"]
    assert other.get("reload") or found["reload"][0][0] != "systemctl"
    assert all(other["recover"])
    programs = [command[0] for commands in other.values() for command in commands]
    assert "systemctl" not in programs
    assert "restart" not in found["recover"][0]
    assert set(found.get("bundles", ())) <= set(spec.BUNDLES)
    assert (found.get("key_mode") == "0640") == ("group" in found)


def test_count() -> None:
    print(f"{len(KNOWN)} known services: {', '.join(KNOWN)}")
    assert len(KNOWN) >= 15


def test_several_services_of_one_certificate() -> None:
    known = {
        "a": {"reload": ["a"], "without_systemd": {"reload": [["a1"], ["a2"]]}, "bundles": ["combined.pem"]},
        "b": {"reload": [["b"]], "config_test": ["test", "b"], "bundles": ["combined.pem"], "group": "g"},
        "c": {},
    }
    assert services.for_deploy(["a", "b", "c"], known, {}) == {
        "reload": [["a"], ["b"]],
        "config_test": [["test", "b"]],
        "without_systemd": {"reload": [["a1"], ["a2"], ["b"]]},
        "bundles": ["combined.pem"],
        "group": "g",
    }


def test_owners_that_do_not_agree() -> None:
    known = {"a": {"group": "a"}, "b": {"group": "b"}}
    with pytest.raises(UsageError, match="services a, b want different values of group"):
        services.for_deploy(["a", "b"], known, {})
    assert services.for_deploy(["a", "b"], known, {"group": "c"}) == {"reload": []}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"relaod": ["a"]}, 'did you mean "reload"'),
        ({"reload": "systemctl reload a"}, "must be a command as a list of words"),
        ({"reload": [["a"], "b"]}, "must be a list of texts"),
        ({"key_mode": "600"}, "key_mode"),
        ("nginx", "must be a mapping"),
    ],
)
def test_wrong_services(entry: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        services.for_deploy(["a"], {"a": entry}, {})
    assert message in caught.value.sentence()
    assert caught.value.sentence().startswith("the service a")


def test_names_are_the_same_everywhere() -> None:
    assert list(starttls.PROTOCOLS) == spec.STARTTLS
    assert list(peer.CIPHERS) == spec.KEY_TYPES
    assert list(model.BUNDLES) == spec.BUNDLES
    assert [model.HOST, model.CONTROLLER] == [certificates.HOST, certificates.CONTROLLER] == spec.PROOF_FROM
