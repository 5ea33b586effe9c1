# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a fleet: every mistake names its entry, and says what to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import model as fleet
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.hosts import Hosts

ALPHA = {
    "kind": "sslcom",
    "customer": "Alpha Ltd",
    "contact": "tls@alpha.example",
    "directory_url": "https://acme.ssl.com/sslcom-dv-ecc",
}
BETA = {
    "kind": "identrust",
    "customer": "tls@beta.example",
    "contact": ["tls@beta.example"],
    "directory_url": "https://acme.example/acme/TLS-90d/directory",
}
ISSUERS = {"alpha": ALPHA, "beta": BETA}
WWW = {"name": "www.example.com", "issuer": "alpha", "hosts": "web"}
GROUPS = {
    "all": ["web1", "web2", "db1", "db2"],
    "web": ["web1", "web2"],
    "db": ["db1", "db2"],
    "rack1": ["web1", "db1"],
    "ungrouped": [],
}


def certificates(*entries: Any, issuers: Any = None) -> list[dict[str, Any]]:
    return fleet.certificates(list(entries), fleet.issuers(ISSUERS if issuers is None else issuers))


def test_defaults() -> None:
    assert certificates(WWW) == [
        {**WWW, "domains": ["www.example.com"], "challenge": "http-01", "services": [], "endpoints": []}
    ]
    assert fleet.issuers({"alpha": ALPHA})["alpha"] == {
        **ALPHA,
        "contact": ["tls@alpha.example"],
        "terms_agreed": True,
    }


def test_what_templates_and_users_write_is_normalised() -> None:
    (found,) = certificates(
        {
            **WWW,
            "domains": ["WWW.Example.com", "bücher.example", "www.example.com"],
            "hosts": ["web1", "db"],
            "endpoints": [{"port": "443"}, {"port": 8443, "address": "::1", "server_name": "A.example"}],
            "owner": None,
        }
    )
    assert found["domains"] == ["www.example.com", "xn--bcher-kva.example"]
    assert found["hosts"] == "web1,db"
    assert found["endpoints"] == [{"port": 443}, {"port": 8443, "address": "::1", "server_name": "a.example"}]
    assert "owner" not in found


def test_certificates_take_what_the_issuer_says() -> None:
    issuers = {"alpha": {**ALPHA, "profile": "shortlived", "preferred_chain": "Root X"}}
    assert certificates(WWW, issuers=issuers)[0]["profile"] == "shortlived"
    assert certificates({**WWW, "profile": "classic"}, issuers=issuers)[0]["profile"] == "classic"


def test_secrets_are_neither_read_nor_returned() -> None:
    class Lookup:
        """Stands for a template: whoever looks at it pays for it."""

        def __eq__(self, other: object) -> bool:
            raise AssertionError("a secret was looked at")

        __hash__ = None  # type: ignore[assignment]
        __str__ = __repr__ = __bool__ = __eq__  # type: ignore[assignment]

    found = fleet.issuers({"alpha": {**ALPHA, "account_key": Lookup(), "secret_key": Lookup()}})
    assert not {"account_key", "secret_key"} & set(found["alpha"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"issuer": "alhpa"}, 'issuer "alhpa" is not in certfleet_issuers (did you mean "alpha"?).'),
        ({"issuer": None}, "issuer is missing. Name a key of certfleet_issuers."),
        ({"domain": ["a.example"]}, 'there is no option "domain" (did you mean "domains"?).'),
        ({"domains": "a.example"}, "domains must be a list of texts, not a text."),
        ({"domains": []}, "domains is an empty list."),
        ({"domains": ["a b.example"]}, "'a b.example' is not a DNS name."),
        ({"domains": [1]}, "domains must be a text, not a number."),
        ({"domains": ["*.example.com"]}, "*.example.com can only be validated by dns-01. Set challenge: dns-01."),
        ({"challenge": "dns01"}, 'challenge is "dns01", not one of http-01, dns-01 (did you mean "dns-01"?).'),
        ({"key_type": "rsa"}, "issues for ecdsa keys, not rsa."),
        ({"key_type": "dsa"}, 'key_type is "dsa", not one of ecdsa, rsa'),
        ({"key_size": 512}, "key_size of ecdsa is 512, not one of 256, 384."),
        ({"key_size": True}, "key_size must be a whole number, not true or false."),
        ({"hosts": {"web": 1}}, "hosts must be a list of texts, not a mapping."),
        ({"hosts": None}, "http-01 needs hosts that publish the challenge."),
        ({"hosts": None, "services": ["nginx"]}, "services and endpoints need hosts."),
        ({"endpoints": [443]}, "endpoints[0] must be a mapping, not a number."),
        ({"endpoints": [{"port": 443}, {}]}, "endpoints[1] port is missing."),
        ({"endpoints": [{"port": 70000}]}, "endpoints[0] port is 70000, not within 1 and 65535."),
        ({"endpoints": 443}, "endpoints must be a list of mappings with port, not a number."),
        ({"key_mode": 416}, "key_mode is \"416\"; write it as four octal digits in quotes, like '0640'."),
        ({"services": "nginx"}, "services must be a list of texts, not a text."),
    ],
)
def test_a_wrong_certificate_is_named(change: dict[str, Any], sentence: str) -> None:
    other = {"name": "other.example", "issuer": "alpha", "hosts": "web"}
    with pytest.raises(UsageError) as caught:
        certificates(other, {**WWW, **change})
    assert caught.value.sentence().startswith("certfleet_certificates[1] (www.example.com): ")
    assert sentence in caught.value.sentence()


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"name": "a.example"}, "certfleet_certificates must be a list, not a mapping."),
        (["a.example"], "certfleet_certificates[0]: must be a mapping, not a text."),
        ([{"issuer": "alpha"}], "certfleet_certificates[0]: name is missing."),
        ([{"name": "web servers", "issuer": "alpha"}], "[0] (web servers): domains is missing, and the name is no"),
        ([WWW, dict(WWW)], "[1] (www.example.com): the name is used twice, first in certfleet_certificates[0]."),
        ([{**WWW, "name": "a\x1b[31m\nb", "domains": ["a.example"]}], "certfleet_certificates[0] (a [31m b): name "),
    ],
)
def test_a_wrong_list_is_explained(entries: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        fleet.certificates(entries, fleet.issuers(ISSUERS))
    assert sentence in caught.value.sentence()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "ssl.com"}, 'kind is "ssl.com", not one of sslcom, identrust, acme'),
        ({"kind": None}, "kind is missing."),
        ({"customer": None}, "customer is missing."),
        ({"contact": None}, "contact is missing."),
        ({"contact": "nobody"}, 'contact "nobody" is not an e-mail address.'),
        ({"directory_url": "acme.ssl.com"}, 'directory_url is "acme.ssl.com", not a URL.'),
        ({"directory": "https://acme.ssl.com"}, 'there is no option "directory" (did you mean "directory_url"?).'),
        ({"api_key": "s3cret"}, 'there is no option "api_key"'),
        ({"remaining_share": 33}, "remaining_share is 33.0, not between 0 and 1."),
        ({"remaining_share": "a third"}, "remaining_share must be a number between 0 and 1, not a text."),
        ({"terms_agreed": "perhaps"}, "terms_agreed must be true or false, not a text."),
        ({"timeout": 0}, "timeout is 0, not within 1 and 3600."),
    ],
)
def test_a_wrong_issuer_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        fleet.issuers({"alpha": {**ALPHA, **change}})
    text = caught.value.sentence()
    assert text.startswith("certfleet_issuers.alpha: ")
    assert sentence in text
    assert "s3cret" not in text


def test_names_of_issuers_become_file_names() -> None:
    with pytest.raises(UsageError, match=r"certfleet_issuers\.\.\./alpha: the name has other characters"):
        fleet.issuers({"../alpha": ALPHA})


def test_two_records_of_one_identrust_account_are_refused() -> None:
    with pytest.raises(UsageError, match="the issuer beta is for the same customer"):
        fleet.issuers({"beta": BETA, "gamma": BETA})
    shared = {**BETA, "eab_path": "/srv/beta.json"}
    assert set(fleet.issuers({"beta": shared, "gamma": shared})) == {"beta", "gamma"}
    assert set(fleet.issuers({"alpha": ALPHA, "alpha-rsa": ALPHA})) == {"alpha", "alpha-rsa"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("all", ["web1", "web2", "db1", "db2"]),
        ("*", ["web1", "web2", "db1", "db2"]),
        ("web", ["web1", "web2"]),
        ("db1", ["db1"]),
        ("web,db1", ["web1", "web2", "db1"]),
        ("web:db1", ["web1", "web2", "db1"]),
        ("web:&rack1", ["web1"]),
        ("all,!web", ["db1", "db2"]),
        ("!web", ["db1", "db2"]),
        ("web,!nobody", ["web1", "web2"]),
        ("w*", ["web1", "web2"]),
        ("*1", ["web1", "db1"]),
        ("~(web|db)2", ["web2", "db2"]),
        ("localhost", ["localhost"]),
        ("none*", []),
    ],
)
def test_patterns_mean_what_they_mean_to_ansible(pattern: str, expected: list[str]) -> None:
    found = Hosts(GROUPS).of(pattern)
    assert sorted(set(found)) == sorted(expected)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("wbe", 'hosts "wbe" is neither a host nor a group (did you mean "web"?).'),
        ("web[0]", 'hosts "web[0]" picks hosts by number. Make a group of them.'),
        ("web[0:1]", "picks hosts by number"),
        ("~(", 'hosts "~(" is not a pattern of hosts.'),
    ],
)
def test_a_pattern_that_names_nobody_is_an_error(pattern: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        fleet.check_hosts(certificates({**WWW, "hosts": pattern}), Hosts(GROUPS))
    assert caught.value.sentence().startswith("certfleet_certificates[0] (www.example.com): ")
    assert sentence in caught.value.sentence()


def test_selection_by_host() -> None:
    unbound = {"name": "*.example.com", "issuer": "alpha", "challenge": "dns-01"}
    found = certificates(WWW, {**WWW, "name": "db.example.com", "hosts": "db"}, unbound)
    hosts = Hosts(GROUPS)

    def names(*wanted: str, unbound: bool) -> list[str]:
        return [each["name"] for each in fleet.on_hosts(found, hosts, wanted, unbound)]

    assert names("web1", unbound=False) == ["www.example.com"]
    assert names("db1", "web2", unbound=False) == ["www.example.com", "db.example.com"]
    assert names("db1", unbound=True) == ["db.example.com", "*.example.com"]


def test_services_become_commands() -> None:
    (found,) = certificates({**WWW, "services": ["nginx", "file"], "endpoints": [{"port": 443}]})
    services = {"nginx": {"reload": ["systemctl", "reload", "nginx"]}, "file": {}}
    assert fleet.for_deploy(found, services, "10.0.0.1") == {
        "name": "www.example.com",
        "domains": ["www.example.com"],
        "reload": [["systemctl", "reload", "nginx"]],
        "endpoints": [{"address": "10.0.0.1", "port": 443}],
    }
    with pytest.raises(UsageError, match=r"\(www.example.com\): there is no service \"file\""):
        fleet.for_deploy(found, {"nginx": {}}, None)


def test_the_modules_get_what_they_know() -> None:
    assert fleet.for_acme(certificates({**WWW, "services": ["nginx"], "key_size": 384})[0]) == {
        "name": "www.example.com",
        "domains": ["www.example.com"],
        "challenge": "http-01",
        "key_size": 384,
    }
