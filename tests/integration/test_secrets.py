# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide on secrets, section by section: its files are written, its commands are typed, and the sandbox accepts what a store gave.

ansible-vault, pass, SOPS and age are the real programs, AWS is moto, HashiCorp Vault a server of ours. Where ``sops`` is missing (neither
Debian nor Ubuntu has it) its section is only parsed.
"""

from __future__ import annotations

import configparser
import json
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import stores
from tests.support.blocks import ROOT, Block, rst
from tests.support.sandbox import Sandbox
from tests.support.stores import Desk

GUIDE = "docs/docsite/rst/secrets.rst"
PROVISION = "ansible-playbook -i inventory certfleet.reseller.provision_eab"
FILE = re.compile(r"# (\S+\.(?:yml|cfg))\n")
LOSE = re.compile(r"age --decrypt|ansible-playbook bring_back|\(umask 077; pass|ansible-vault decrypt")
STORES = ("ansible-vault", "pass", "AWS Secrets Manager", "HashiCorp Vault and OpenBao", "SOPS")


def sections() -> dict[str, list[Block]]:
    """The blocks below each heading."""
    lines = (ROOT / GUIDE).read_text(encoding="utf-8").split("\n")
    headings = [(number, lines[number - 1]) for number, line in enumerate(lines) if re.fullmatch(r"-{4,}", line)]
    found: dict[str, list[Block]] = {title: [] for _number, title in headings}
    for block in rst(GUIDE):
        found[next(title for number, title in reversed(headings) if number < block.line)].append(block)
    return found


BLOCKS = sections()


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


class Reader:
    """Does what the guide says, with the sandbox's keys and URLs in the place of those that the guide makes up."""

    def __init__(self, sandbox: Sandbox, desk: Desk) -> None:
        self.sandbox, self.desk, self.count = sandbox, desk, 0
        self.record = desk.home / ".certfleet" / "eab" / "alpha.json"
        self.replaced = {
            "YOUR-ACCOUNT-KEY": sandbox.sslcom["account_key"],
            "YOUR-SECRET-KEY": sandbox.sslcom["secret_key"],
            "YOUR-ROLE-ID": stores.ROLE_ID,
            "YOUR-SECRET-ID": stores.SECRET_ID,
        }
        desk.write("inventory", "desk ansible_connection=local\n")
        desk.write("answers.json", json.dumps({name: sandbox.sslcom[name] for name in ("account_key", "secret_key")}))

    def issuers(self, with_keys: bool = True) -> None:
        """The guide's file with the sandbox's URLs."""
        value = json.loads(json.dumps(BLOCKS["One place for the keys"][0].value))
        issuer = value["certfleet_issuers"]["alpha"]
        issuer |= {"api_url": self.sandbox.sslcom["api_url"], "ca_path": self.sandbox.ca_path}
        issuer["directory_url"] = self.sandbox.sslcom["directory_urls"]["ecc"]
        if not with_keys:
            del issuer["account_key"], issuer["secret_key"]
        self.desk.write("group_vars/all/issuers.yml", yaml.safe_dump(value))

    def follow(self, block: Block) -> None:
        text = block.text
        for name, value in self.replaced.items():
            text = text.replace(name, value)
        if block.language in ("yaml", "ini"):
            name = FILE.match(text)
            assert name, f"{block.place} does not say which file it is"
            self.desk.write(name[1], text)
        else:
            assert block.language == "console", f"{block.place}: nothing is done with {block.language}"
            for command in text.splitlines():
                self.type(command)

    def type(self, command: str) -> None:
        self.count += 1
        kept = self.record.read_bytes() if LOSE.match(command) else b""
        if kept:  # lost, before it is brought back
            shutil.rmtree(self.record.parents[1]) if "age" in command else self.record.unlink()
            (self.record.parents[1]).mkdir(mode=0o700, exist_ok=True)
        said = self._type(command)
        if not command.startswith("ansible-vault view"):
            assert [key for key in self.secrets() if key in said] == [], command
        if kept:
            assert json.loads(self.record.read_bytes()) == json.loads(kept), command
            assert stat.S_IMODE(self.record.stat().st_mode) == 0o600, command
        if PROVISION in command:
            self.prove()

    def _type(self, command: str) -> str:
        if command.startswith("pass insert certfleet/"):
            value = self.sandbox.sslcom[command.rsplit("/", 1)[1]]
            return self.desk.run(command, f"{value}\n{value}\n")
        if command == "ansible-playbook store.yml":
            command += " -e @answers.json"  # its questions need a terminal
        if PROVISION in command and "SSLCOM_" in command:
            self.issuers(with_keys=False)
        return self.desk.run(command)

    def secrets(self) -> list[str]:
        found = [self.sandbox.sslcom[name] for name in ("account_key", "secret_key")]
        return found + ([json.loads(self.record.read_text())["hmac_key"]] if self.record.exists() else [])

    def prove(self) -> None:
        """SSL.com took the keys and handed the credential out, and a second run asks for nothing."""
        record = json.loads(self.record.read_text())
        assert record["identity"] == "Alpha Ltd"
        assert self.sandbox.count(service="sslcom", status=200) == 1
        assert self.sandbox.count(service="sslcom") == 1
        self.sandbox.clear_ledger()
        self.record.unlink()


@pytest.fixture
def make(shared: Sandbox) -> Iterator[Callable[..., Reader]]:
    """A reader at an empty desk, in a directory with a short name: sockets of gpg-agent are in it."""
    shared.clear_ledger()
    home = Path(tempfile.mkdtemp(prefix="cf-"))

    def at(**environment: str) -> Reader:
        return Reader(shared, Desk(home, **environment))

    yield at
    if (home / ".gnupg").exists():
        subprocess.run(["gpgconf", "--homedir", str(home / ".gnupg"), "--kill", "all"], check=True)
    shutil.rmtree(home)


def gnupg(reader: Reader) -> None:
    """A key without a passphrase, and a store for it."""
    reader.desk.run("install -d -m 0700 ~/.gnupg")
    reader.desk.run("gpg --batch --quiet --passphrase '' --quick-gen-key me@example.test future-default default never")
    reader.desk.run("pass init me@example.test")


def age(reader: Reader) -> str:
    """A key, where SOPS looks for one, too; its recipient."""
    reader.desk.run("install -d -m 0700 ~/.config/sops/age; age-keygen -o ~/.config/sops/age/keys.txt")
    reader.desk.run("cp ~/.config/sops/age/keys.txt key.txt; age-keygen -y key.txt > recipients.txt")
    return (reader.desk.work / "recipients.txt").read_text().strip()


def finish(reader: Reader, section: str) -> None:
    reader.issuers()
    for block in BLOCKS[section]:
        reader.follow(block)
    print(f"{section}: {len(BLOCKS[section])} blocks, {reader.count} commands")


@pytest.mark.needs("openssl")
def test_ansible_vault(make: Callable[..., Reader]) -> None:
    reader = make()
    finish(reader, "ansible-vault")
    stored = (reader.desk.work / "group_vars" / "all" / "secrets.yml").read_text()
    assert stored.startswith("$ANSIBLE_VAULT;")


@pytest.mark.needs("pass", "gpg")
def test_pass(make: Callable[..., Reader]) -> None:
    reader = make()
    gnupg(reader)
    finish(reader, "pass")
    assert len([*(reader.desk.home / ".password-store").rglob("*.gpg")]) == 2


def test_aws(make: Callable[..., Reader]) -> None:
    with stores.aws() as environment:
        finish(make(**environment), "AWS Secrets Manager")


def test_hashicorp_vault(make: Callable[..., Reader]) -> None:
    with stores.vault() as server:
        reader = make()
        reader.replaced["https://vault.inside.example:8200"] = server.url
        reader.replaced["vault login\n"] = f"printf {stores.VAULT_TOKEN} > ~/.vault-token\n"
        finish(reader, "HashiCorp Vault and OpenBao")
        assert set(server.tokens) == {stores.VAULT_TOKEN, stores.APPROLE_TOKEN}
        asked = server.reads // 2
        reader.desk.write("inventory", "desk[1:4] ansible_connection=local\n")
        reader.desk.run(PROVISION)
        more = server.reads - 2 * asked
        print(f"asked {asked} times for one host, {more} times for four")
        assert asked < more  # for each host, says the guide
    with pytest.raises(AssertionError, match="vault_kv2_get' failed: .*Connection refused"):
        reader.desk.run(PROVISION)  # the store is gone


def test_sops(make: Callable[..., Reader]) -> None:
    """With the real program where it is; elsewhere the files are read, and the commands by a shell."""
    if shutil.which("sops") and shutil.which("age-keygen"):
        reader = make()
        reader.replaced["YOUR-AGE-RECIPIENT"] = age(reader)
        finish(reader, "SOPS")
        stored = (reader.desk.work / "group_vars" / "all" / "secrets.sops.yml").read_text()
        assert "ENC[AES256_GCM," in stored
        return
    found: dict[str, Any] = {}
    for block in BLOCKS["SOPS"]:
        if block.language == "console":
            subprocess.run(["bash", "-n", "-c", block.text], check=True, timeout=10)
        elif block.language == "ini":
            settings = configparser.ConfigParser()
            settings.read_string(block.text)
            found["ini"] = settings["defaults"]["vars_plugins_enabled"]
        else:
            found |= yaml.safe_load(block.text)
    assert set(found) == {"ini", "creation_rules", "sslcom_account_key", "sslcom_secret_key"}
    assert re.search(found["creation_rules"][0]["path_regex"], "group_vars/all/secrets.sops.yml")
    assert "community.sops.sops" in found["ini"]
    print(f"SOPS: {len(BLOCKS['SOPS'])} blocks parsed, for sops is not installed")


@pytest.mark.needs("pass", "gpg", "age", "openssl")
def test_the_way_back(make: Callable[..., Reader]) -> None:
    """Each of the ways brings back the same record with the mode 0600, and other clients get what they need."""
    with stores.aws() as environment, stores.vault() as server:
        reader = make(**environment, VAULT_ADDR=server.url, VAULT_TOKEN=stores.VAULT_TOKEN)
        gnupg(reader)
        age(reader)
        password = "ansible-vault-password"
        reader.desk.write("password", password)
        reader.desk.environment["ANSIBLE_VAULT_PASSWORD_FILE"] = str(reader.desk.work / "password")
        reader.issuers(with_keys=False)
        keys = {f"SSLCOM_{name.upper()}": reader.sandbox.sslcom[name] for name in ("account_key", "secret_key")}
        reader.desk.environment |= keys
        reader.desk.run(PROVISION)
        for section in ("The way back", "For other ACME clients"):
            for block in BLOCKS[section]:
                reader.follow(block)
        record = json.loads(reader.record.read_text())
        assert server.secrets["certfleet/eab/alpha"] == {
            "kid": record["kid"],
            "hmac_key": record["hmac_key"],
            "directory_url": record["directory_urls"][0],
        }
        print(f"the way back: {reader.count} commands")


def test_every_block_is_in_a_section_that_is_run() -> None:
    run = {*STORES, "One place for the keys", "The way back", "For other ACME clients"}
    assert [title for title, blocks in BLOCKS.items() if blocks and title not in run] == []
    assert BLOCKS["One place for the keys"][1].text.strip() == PROVISION
    assert all(PROVISION in BLOCKS[title][-1].text for title in STORES)
    print(f"{GUIDE}: {sum(map(len, BLOCKS.values()))} blocks")
