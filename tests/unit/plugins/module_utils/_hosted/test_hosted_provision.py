# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host gets: from the inventory to files, and from files to steps."""

from __future__ import annotations

import json
import os
import pathlib
import stat
from typing import Any

import pytest
from ansible.module_utils.common.parameters import _list_no_log_values
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    CollectionError,
    InvalidData,
    StateError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import hosted
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted import account_files, job, provision
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted.putting import HostFiles

from tests.support import pki

DIRECTORY = "https://ca.example:8443/acme/dir"
ISSUERS: dict[str, Any] = {
    "l": {
        "kind": "acme",
        "contact": "tls@a.example",
        "directory_url": DIRECTORY,
        "client": "lego",
        "client_dns": "rfc2136",
    },
    "c": {
        "kind": "acme",
        "contact": "tls@a.example",
        "directory_url": DIRECTORY,
        "client": "certbot",
        "client_dns": "rfc2136",
    },
    "x": {"kind": "acme", "contact": "tls@a.example", "directory_url": DIRECTORY, "client": "external"},
    "controller": {"kind": "acme", "contact": "tls@a.example", "directory_url": DIRECTORY},
}
GROUPS = {"all": ["web1", "web2"]}
SECRET = "tsig-secret-value"
SETTINGS = {"l": {"RFC2136_TSIG_SECRET": SECRET}, "c": {"dns_rfc2136_secret": SECRET}}


def entry(issuer: str, name: str = "www.a.example", **more: Any) -> dict[str, Any]:
    return {"name": name, "issuer": issuer, "hosts": "web1", **more}


def jobs(*entries: dict[str, Any], key_path: str = "", host: str = "web1") -> list[dict[str, Any]]:
    accounts = dict.fromkeys(("l", "c"), key_path) if key_path else {}
    services = {"nginx": {"reload": ["systemctl", "reload", "nginx"]}}
    return hosted.jobs(list(entries), ISSUERS, host, GROUPS, services=services, accounts=accounts)


@pytest.fixture
def key_path(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "accounts" / "a.key"
    path.parent.mkdir()
    path.write_bytes(pki.key_pem(pki.new_key()))
    record = {"version": 1, "url": "https://ca.example/acct/1", "directory_url": DIRECTORY}
    path.with_suffix(".json").write_text(json.dumps(record))
    return str(path)


def options(tmp_path: pathlib.Path, found: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    given = {
        "path": str(tmp_path / "lib"),
        "jobs": found,
        "python": "/usr/bin/python3",
        "timers": "systemd",
        "unit_path": str(tmp_path / "units"),
        "cron_path": str(tmp_path / "cron"),
        **more,
    }
    return {**given, "files": provision.build(given, SETTINGS)}


def put(given: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    resource = HostFiles()
    want = resource.want(given)
    plan = resource.plan(want, resource.read(want))
    for step in plan.steps:
        resource.apply(step)
    have = resource.read(want)
    return [step.action for step in plan.steps], resource.show(want, have, plan)


# --- inventory --------------------------------------------------------------------------------------------------------


def test_only_what_the_host_renews() -> None:
    entries = (
        entry("l"),
        entry("controller", "b.example"),
        entry("x", "c.example"),
        entry("l", "d.example", hosts="web2"),
    )
    assert [each["name"] for each in jobs(*entries)] == ["www.a.example", "c.example"]
    assert [each["name"] for each in jobs(*entries, host="web2")] == ["d.example"]


def test_job_of_the_inventory() -> None:
    found = jobs(
        entry(
            "l",
            services=["nginx"],
            key_type="rsa",
            endpoints=[{"port": 443}, {"port": 443, "proof_from": "controller"}],
            renewal={"remaining_share": 0.5},
        )
    )[0]["job"]
    assert found["client"]["program"] == ["lego"]
    assert found["client"]["webroot"] == "/var/www/html"
    assert (found["client"]["key_type"], found["client"]["key_size"]) == ("rsa", 2048)
    assert found["certificate"]["endpoints"] == [{"address": "127.0.0.1", "port": 443}]
    assert found["certificate"]["reload"] == [["systemctl", "reload", "nginx"]]
    assert found["renewal"] == {"remaining_share": 0.5}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"adopt": [{"certificate": "relative", "key": "/k"}]}, "not an absolute path"),
        ({"adopt": [{"certificate": "/c"}]}, "key is missing"),
        ({"bundles": ["keystore.p12"]}, "keystore.p12 is made on the controller"),
    ],
)
def test_refused_in_the_inventory(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        jobs(entry("l", **more))
    assert words in caught.value.sentence()
    assert "www.a.example" in caught.value.sentence()


def test_dns_needs_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ISSUERS["l"], "client_dns")
    with pytest.raises(UsageError, match="needs client_dns"):
        jobs(entry("l", "*.a.example", challenge="dns-01"))


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["l", "c"])
def test_secrets_of_a_dns_provider_are_in_files(tmp_path: pathlib.Path, key_path: str, client: str) -> None:
    """One for each value, or certbot's; the job has their paths alone."""
    given = options(tmp_path, jobs(entry(client, "*.a.example", challenge="dns-01"), key_path=key_path))
    put(given)
    secret = next((tmp_path / "lib" / "secrets" / client).iterdir())
    assert SECRET in secret.read_text()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    text = (tmp_path / "lib" / "jobs" / "_wildcard.a.example.json").read_text()
    assert str(secret) in text
    assert SECRET not in text
    loaded = job.load(str(tmp_path / "lib"), "_wildcard.a.example")
    assert loaded.client.dns == "rfc2136"


@pytest.mark.parametrize(
    "value",
    [
        "a#b",
        "a, b",
        "'a'",
        '"a"',
        "'a' \"b\"",
        "a\nx = y",
        "a\\",
        " a ",
        "",
        "100%",
        "$HOME",
        "[a]",
        "='",
        '"\'"',
        "f\u00e4hre",
    ],
)
def test_certbot_reads_the_same_value(value: str) -> None:
    """By the library with which it does."""
    import configobj

    text = "dns_x_secret = %s\nlast = 1\n" % provision._quoted("dns_x_secret", value)
    assert configobj.ConfigObj(text.splitlines()) == {"dns_x_secret": value, "last": "1"}


@pytest.mark.parametrize("value", ["%(last)s", "\"\"\" '''"])
def test_what_certbot_cannot_be_told(value: str) -> None:
    with pytest.raises(UsageError, match="dns_x_secret") as caught:
        provision._quoted("dns_x_secret", value)
    assert value not in caught.value.sentence()


def test_second_run_and_what_is_not_wanted_any_more(tmp_path: pathlib.Path, key_path: str) -> None:
    both = options(tmp_path, jobs(entry("l"), entry("c", "b.example"), key_path=key_path))
    first, shown = put(both)
    assert set(first) == {"write"}
    assert shown["timers"] == ["certfleet-renew@b.example.timer", "certfleet-renew@www.a.example.timer"]
    assert shown["pending"] == ["b.example", "www.a.example"]
    assert put(both)[0] == []
    mode = {path: stat.S_IMODE(os.stat(path).st_mode) for path in both["files"]}
    assert all(int(value.split()[0], 8) == mode[path] for path, value in both["files"].items())
    one = options(tmp_path, jobs(entry("l"), key_path=key_path))
    removed, shown = put(one)
    assert removed == ["remove", "remove"]  # its job and its timer
    assert shown["timers"] == ["certfleet-renew@www.a.example.timer"]
    # the client's own files stay
    assert (tmp_path / "lib" / "clients" / "b.example").is_dir()
    damaged = tmp_path / "lib" / "jobs" / "www.a.example.json"
    damaged.chmod(0o644)
    assert put(one)[0] == ["write"]
    assert stat.S_IMODE(damaged.stat().st_mode) == 0o600


def test_a_host_without_jobs_gets_nothing(tmp_path: pathlib.Path, key_path: str) -> None:
    """And one that had jobs loses them, and their timers."""
    assert put(options(tmp_path, []))[0] == []
    assert not (tmp_path / "lib").exists()
    put(options(tmp_path, jobs(entry("l"), key_path=key_path)))
    assert put(options(tmp_path, []))[0] == ["remove", "remove", "remove"]
    assert list((tmp_path / "units").iterdir()) == []


@pytest.mark.parametrize("client", ["l", "c"])
def test_secrets_that_nobody_needs_are_removed(tmp_path: pathlib.Path, key_path: str, client: str) -> None:
    """The issuer goes another way, or the host is given up: what the DNS provider wanted is not left lying about."""
    entries = entry(client, "*.a.example", challenge="dns-01"), entry("x", "c.example")
    put(options(tmp_path, jobs(*entries, key_path=key_path)))
    left = options(tmp_path, jobs(*entries[1:]))
    put(left)
    assert [path for path in (tmp_path / "lib" / "secrets").rglob("*") if path.is_file()] == []
    assert put(left)[0] == []


def test_from_cron_to_systemd(tmp_path: pathlib.Path, key_path: str) -> None:
    """And back: what was there before does not start the program any more."""
    (tmp_path / "cron").mkdir()
    wanted = jobs(entry("l"), key_path=key_path)
    for kind, here, there in (("cron", "cron", "units"), ("systemd", "units", "cron"), ("cron", "cron", "units")):
        put(options(tmp_path, wanted, timers=kind))
        assert list((tmp_path / here).glob("certfleet-*"))
        assert list((tmp_path / there).glob("certfleet-*")) == []


def test_without_cron_nothing_would_come(tmp_path: pathlib.Path, key_path: str) -> None:
    with pytest.raises(StateError, match="nothing would renew"):
        put(options(tmp_path, jobs(entry("l"), key_path=key_path), timers="cron"))
    assert put(options(tmp_path, [], timers="cron"))[0] == []


def test_nothing_in_files_is_part_of_a_name(tmp_path: pathlib.Path, key_path: str) -> None:
    """Ansible takes the values of secret options out of results, numbers too: a mode would spoil www.shop420.example."""
    given = options(tmp_path, jobs(entry("l"), key_path=key_path))
    values = _list_no_log_values({"files": {"type": "dict", "no_log": True}}, {"files": given["files"]})
    assert len(values) == len(given["files"])
    assert min(map(len, values)) > 20


def test_cron(tmp_path: pathlib.Path, key_path: str) -> None:
    (tmp_path / "cron").mkdir()
    given = options(tmp_path, jobs(entry("l"), key_path=key_path), timers="cron")
    put(given)
    assert len(list((tmp_path / "cron").iterdir())) == 1
    assert not (tmp_path / "units").exists()


def test_nothing_without_an_account(tmp_path: pathlib.Path, key_path: str) -> None:
    with pytest.raises(UsageError, match="no account_key_path"):
        options(tmp_path, jobs(entry("l")))
    with pytest.raises(StateError, match="there is no account"):
        options(tmp_path, jobs(entry("l"), key_path=str(tmp_path / "none.key")))
    record = pathlib.Path(key_path).with_suffix(".json")
    record.write_text(record.read_text().replace("ca.example:8443", "other.example"))
    with pytest.raises(StateError, match="belongs to the directory"):
        options(tmp_path, jobs(entry("l"), key_path=key_path))


def test_damaged_on_the_way(tmp_path: pathlib.Path) -> None:
    given = options(tmp_path, [])
    with pytest.raises(UsageError, match="did not travel"):
        HostFiles().want({**given, "files": None})
    for wrong in ("0600 %%%", "0600", "rw- YQ==", "0600 YQ== YQ==", {"mode": 384}):
        with pytest.raises(InvalidData):
            HostFiles().want({**given, "files": {"/x": wrong}})


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "size"), [("ecdsa", 256), ("ecdsa", 384), ("rsa", 2048)])
def test_certbot_s_account_is_the_same_key(kind: str, size: int) -> None:
    """Read back by josepy, as certbot does."""
    import josepy

    key = pki.new_key(kind, size)
    found = account_files.build("certbot", pki.key_pem(key), "https://ca.example/acct/1", DIRECTORY, "a@b.example")
    assert {path.rsplit("/", 1)[1] for path in found} == {"private_key.json", "regr.json", "meta.json"}
    assert all(path.startswith("accounts/ca.example:8443/acme/dir/") for path in found)
    private = next(content for path, content in found.items() if path.endswith("private_key.json"))
    loaded = josepy.JWK.json_loads(private.decode())
    assert loaded.key.private_numbers() == key.private_numbers()


@pytest.mark.parametrize(("kind", "words"), [("ecdsa", b"BEGIN EC PRIVATE KEY"), ("rsa", b"BEGIN RSA PRIVATE KEY")])
def test_lego_s_account(kind: str, words: bytes) -> None:
    key = pki.key_pem(pki.new_key(kind, 256 if kind == "ecdsa" else 2048))
    found = account_files.build("lego", key, "https://ca.example/acct/1", DIRECTORY, "a@b.example")
    assert sorted(found) == [
        "accounts/ca.example_8443/a@b.example/account.json",
        "accounts/ca.example_8443/a@b.example/keys/a@b.example.key",
    ]
    assert words in found["accounts/ca.example_8443/a@b.example/keys/a@b.example.key"]
    assert found == account_files.build("lego", key, "https://ca.example/acct/1", DIRECTORY, "a@b.example")


def test_account_that_cannot_be_a_directory() -> None:
    key = pki.key_pem(pki.new_key())
    for email in ("../../etc@b.example", "a/b@c.example"):
        with pytest.raises(UsageError):
            account_files.build("lego", key, "https://x", DIRECTORY, email)
    with pytest.raises(CollectionError):
        account_files.build("external", key, "https://x", DIRECTORY, "a@b.example")
