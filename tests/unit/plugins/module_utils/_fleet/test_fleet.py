# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a fleet: every mistake names its entry, and says what to do."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import certificates as fleet
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import forms
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.hosts import Hosts
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.issuers import issuers as checked

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


class Lookup:
    """Stands for a template: whoever looks at it pays for it."""

    def __eq__(self, other: object) -> NoReturn:
        raise AssertionError("a secret was looked at")

    __hash__ = None  # type: ignore[assignment]
    __str__ = __repr__ = __bool__ = __eq__  # type: ignore[assignment]


def certificates(*entries: Any, issuers: Any = None) -> list[dict[str, Any]]:
    return fleet.certificates(list(entries), checked(ISSUERS if issuers is None else issuers))


def test_defaults() -> None:
    assert certificates(WWW) == [
        {**WWW, "domains": ["www.example.com"], "challenge": "http-01", "services": [], "endpoints": []}
    ]
    assert checked({"alpha": ALPHA})["alpha"] == {
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
    found = checked({"alpha": {**ALPHA, "account_key": Lookup(), "secret_key": Lookup()}})
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
        fleet.certificates(entries, checked(ISSUERS))
    assert sentence in caught.value.sentence()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "ssl.com"}, 'kind is "ssl.com", not one of sslcom, identrust, acme, sslmarket'),
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
        checked({"alpha": {**ALPHA, **change}})
    text = caught.value.sentence()
    assert text.startswith("certfleet_issuers.alpha: ")
    assert sentence in text
    assert "s3cret" not in text


def test_names_of_issuers_become_file_names() -> None:
    with pytest.raises(UsageError, match=r"certfleet_issuers\.\.\./alpha: the name has other characters"):
        checked({"../alpha": ALPHA})


def test_two_records_of_one_identrust_account_are_refused() -> None:
    with pytest.raises(UsageError, match="the issuer beta is for the same customer"):
        checked({"beta": BETA, "gamma": BETA})
    shared = {**BETA, "eab_path": "/srv/beta.json"}
    assert set(checked({"beta": shared, "gamma": shared})) == {"beta", "gamma"}
    assert set(checked({"alpha": ALPHA, "alpha-rsa": ALPHA})) == {"alpha", "alpha-rsa"}


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
    assert forms.for_deploy(found, services, "10.0.0.1") == {
        "name": "www.example.com",
        "domains": ["www.example.com"],
        "reload": [["systemctl", "reload", "nginx"]],
        "endpoints": [{"address": "10.0.0.1", "port": 443}],
    }
    with pytest.raises(UsageError, match=r"\(www.example.com\): there is no service \"file\""):
        forms.for_deploy(found, {"nginx": {}}, None)


def test_what_the_controller_proves_has_another_address() -> None:
    """The default is seen from the host. The report of a host asks from the host, so these are no matter of its."""
    remote = [
        {"port": 443, "proof_from": "controller"},
        {"port": 8443, "proof_from": "controller", "address": "a.example"},
    ]
    (found,) = certificates({**WWW, "endpoints": [{"port": 443}, {"port": 444, "proof_from": "host"}, *remote]})
    assert forms.for_deploy(found, {}, "10.0.0.1")["endpoints"] == [
        {"address": "10.0.0.1", "port": 443},
        {"address": "10.0.0.1", "port": 444, "proof_from": "host"},
        *remote,
    ]
    shown = forms.for_status(found, {}, None, "10.0.0.1")["endpoints"]
    assert [(each["address"], each["port"]) for each in shown] == [("10.0.0.1", 443), ("10.0.0.1", 444)]
    with pytest.raises(UsageError, match="proof_from"):
        certificates({**WWW, "endpoints": [{"port": 443, "proof_from": "elsewhere"}]})


def test_the_modules_get_what_they_know() -> None:
    assert forms.for_acme(certificates({**WWW, "services": ["nginx"], "key_size": 384})[0]) == {
        "name": "www.example.com",
        "domains": ["www.example.com"],
        "challenge": "http-01",
        "key_size": 384,
    }


# --- SSLmarket --------------------------------------------------------------------------------------------------------

PERSON = {"title": "CEO", "firstname": "Ada", "lastname": "Alpha", "tel": "+44.123456789", "email": "ada@alpha.example"}
COMPANY = {"name": "Alpha Ltd", "street": "High Street 1", "city": "London", "zip": "E1 6AN", "country": "GB"}
MARKET: dict[str, Any] = {
    "kind": "sslmarket",
    "product_code": "rapidssl",
    "owner": {**COMPANY, "tel": "+44.123456789"},
    "auth": PERSON,
    "tech": PERSON,
    "invoice": {**COMPANY, "email": "ap@alpha.example"},
}
SHOP = {"name": "shop.example.com", "issuer": "gamma", "hosts": "web"}
BOTH = {"alpha": ALPHA, "gamma": MARKET}


def test_an_issuer_that_sells() -> None:
    found = checked({"gamma": {**MARKET, "api_token": Lookup(), "abandoned": [17, "18"], "quiet_period": "60"}})[
        "gamma"
    ]
    assert found == {**MARKET, "wait": True, "abandoned": [17, 18], "quiet_period": 60}


def test_a_certificate_takes_product_and_term_from_its_issuer() -> None:
    issuers = {"gamma": {**MARKET, "years": 2}}
    (found,) = certificates(SHOP, issuers=issuers)
    assert (found["product_code"], found["years"], found["challenge"]) == ("rapidssl", 2, "dns-01")
    (found,) = certificates({**SHOP, "product_code": "other", "years": 1, "challenge": "http-01"}, issuers=issuers)
    assert (found["product_code"], found["years"], found["challenge"]) == ("other", 1, "http-01")


def test_the_modules_of_sslmarket_get_what_they_know() -> None:
    entry = {
        **SHOP,
        "domains": ["Shop.example.com", "www.example.com"],
        "key_type": "rsa",
        "services": ["nginx"],
        "contacts": {"tech": {**PERSON, "lastname": "Other"}},
        "order_id": "4711",
        "voucher": "v0ucher",
        "owner": "www-data",
    }
    (found,) = certificates(entry, issuers=BOTH)
    assert "voucher" not in found
    common = {"name": "shop.example.com", "key_type": "rsa"}
    assert forms.for_sslmarket(found, entry) == {
        **common,
        "domain": "shop.example.com",
        "dns_names": ["www.example.com"],
        "product_code": "rapidssl",
        "order_id": 4711,
        "dv_auth_method": "DNS",
        "voucher": "v0ucher",
        "tech": {**PERSON, "lastname": "Other"},
    }
    assert forms.for_acme(found) == {
        **common,
        "domains": ["shop.example.com", "www.example.com"],
        "challenge": "dns-01",
        "profile": "rapidssl",
    }


def test_vouchers_are_not_looked_at() -> None:
    (found,) = certificates({**SHOP, "voucher": Lookup()}, issuers=BOTH)
    assert "voucher" not in found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"contact": "tls@alpha.example"}, 'there is no option "contact"'),
        ({"directory_url": "https://a.example"}, 'there is no option "directory_url"'),
        ({"api_tokn": "s3cret"}, 'there is no option "api_tokn" (did you mean "api_token"?)'),
        ({"owner": {**COMPANY, "tel": "0123"}}, 'owner.tel is "0123", not a telephone number'),
        ({"owner": "Alpha Ltd"}, "owner is not a mapping of fields"),
        ({"auth": {**PERSON, "mail": "x"}}, 'auth has no field "mail" (did you mean "email"?)'),
        ({"invoice": COMPANY}, "invoice.email is missing"),
        ({"years": 11}, "years is 11, not within 1 and 10"),
        ({"on_unknown": "buy"}, 'on_unknown is "buy", not one of fail, resubmit'),
        ({"abandoned": 17}, "abandoned must be a list of numbers of orders, not a number"),
        ({"abandoned": [True]}, "abandoned must be a whole number, not true or false"),
        ({"wait": "perhaps"}, "wait must be true or false, not a text"),
        ({"renew_before_days": 0}, "renew_before_days is 0, not within 1 and 120"),
    ],
)
def test_a_wrong_issuer_that_sells_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked({"gamma": {**MARKET, **change}})
    text = caught.value.sentence()
    assert text.startswith("certfleet_issuers.gamma: ")
    assert sentence in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("change", "without", "sentence"),
    [
        ({"profile": "x"}, (), "profile is no option for an issuer of the kind sslmarket."),
        ({"preferred_chain": "x"}, (), "preferred_chain is no option for an issuer of the kind sslmarket."),
        ({"issuer": "alpha", "product_code": "x"}, (), "product_code is no option for an issuer of the kind sslcom."),
        ({"issuer": "alpha", "voucher": "s3cret"}, (), "voucher is no option for an issuer of the kind sslcom."),
        (
            {"owner": PERSON},
            (),
            "owner is the user that owns the files. The contacts of an order belong into contacts.",
        ),
        ({"contacts": {"admin": PERSON}}, (), 'contacts there is no option "admin"'),
        ({"contacts": {"tech": {}}}, (), "contacts tech.title is missing."),
        ({"order_id": 0}, (), "order_id is 0, not within 1 and 999999999999999999."),
        ({"order_id": "x"}, (), "order_id must be a whole number, not a text."),
        ({"domains": ["*.example.com"], "challenge": "http-01"}, (), "*.example.com can only be validated by dns-01."),
        ({}, ("product_code",), "product_code is missing. Give it here, or in the issuer gamma."),
        ({}, ("auth", "tech"), "an order needs the contacts owner, auth, tech, invoice; there is no auth, tech. Give"),
        ({"contacts": {"auth": PERSON}}, ("auth", "tech"), "there is no tech."),
    ],
)
def test_a_wrong_certificate_of_sslmarket_is_named(
    change: dict[str, Any], without: tuple[str, ...], sentence: str
) -> None:
    issuer = {name: value for name, value in MARKET.items() if name not in without}
    with pytest.raises(UsageError) as caught:
        certificates({**SHOP, **change}, issuers={"alpha": ALPHA, "gamma": issuer})
    text = caught.value.sentence()
    assert text.startswith("certfleet_certificates[0] (shop.example.com): ")
    assert sentence in text
    assert "s3cret" not in text


def test_an_order_that_is_there_needs_no_contacts() -> None:
    issuer = {"kind": "sslmarket", "product_code": "rapidssl"}
    assert certificates({**SHOP, "order_id": 7}, issuers={"gamma": issuer})[0]["order_id"] == 7
