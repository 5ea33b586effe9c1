# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an issued order to files: three formats of one certificate, and nothing of what a hostile download has in it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import delivery
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.delivery import Targets
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import load, pkcs7
from ansible_collections.certfleet.reseller.plugins.module_utils._x509.facts import facts
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import pkcs7 as their_pkcs7

from tests.support import ordering, pki
from tests.support.desk import DAY, Desk, Outcome, instead

NAME = "www.alpha.test"
INTERMEDIATE, P7B, SERVER = "format/pem_intermediate", "format/p7b", "format/pem_server"
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An issued order whose certificate was not fetched yet."""
    desk = Desk(tmp_path)
    desk.call("sslmarket_order", desk.order(NAME))
    desk.account().api.order(desk.newest().id)
    return desk


def fetch(desk: Desk, **more: Any) -> Outcome:
    return desk.call("sslmarket_certificate", {**desk.certificate(NAME), **more})


def files(desk: Desk) -> dict[str, bytes]:
    place = desk.directory / "files"
    return {path.name: path.read_bytes() for path in sorted(place.rglob("*"))} if place.exists() else {}


def chain(content: bytes, p7b: bool = False) -> list[str]:
    found = pkcs7.certificates(content, "x") if p7b else load.certificates(content, "x")
    return [facts(each).fingerprint for each in found]


def parts(desk: Desk) -> tuple[Any, Any, Any]:
    """Leaf, issuer and root of the provider; a bundle has them in any order."""
    found = pkcs7.certificates(served(desk, "p7b"), "x")
    (leaf,) = [each for each in found if not facts(each).is_ca]
    (root,) = [each for each in found if each.subject == each.issuer]
    (issuer,) = [each for each in found if each not in (leaf, root)]
    return leaf, issuer, root


def served(desk: Desk, form: str) -> bytes:
    return desk.account().api.download(desk.newest().id, form)


# --- three formats ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p7b_format", ["pem", "base64", "der"])
@pytest.mark.parametrize("reversed_chain", [False, True])
def test_formats(desk: Desk, p7b_format: str, reversed_chain: bool) -> None:
    desk.market.turn({"p7b_format": p7b_format, "reversed_chain": reversed_chain})
    done = fetch(desk)
    assert not done.failed, done.result
    found = files(desk)
    leaf, issuer, root = (facts(each).fingerprint for each in parts(desk))
    assert chain(found[f"{NAME}.path"]) == [leaf]
    assert chain(found[f"{NAME}.fullchain_path"]) == [leaf, issuer]
    assert sorted(chain(found[f"{NAME}.p7b_path"], p7b=True)) == sorted([leaf, issuer, root])
    (shown,) = done.result["certificates"]
    assert (shown["fingerprint"], shown["serial"]) == (leaf, desk.newest().certificates[-1].serial)
    assert (shown["names"], shown["issued"], shown["action"]) == ([NAME], True, "fetch")


def test_others_can_read_them(desk: Desk) -> None:
    fetch(desk)
    place = desk.directory / "files"
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o644}
    assert place.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("wanted", [["path"], ["fullchain_path"], ["p7b_path"], ["path", "p7b_path"]])
def test_only_what_is_wanted(desk: Desk, wanted: list[str]) -> None:
    targets = {name: str(desk.directory / "files" / name) for name in wanted}
    options = {**desk.certificate(NAME, **targets)}
    desk.sent.clear()
    done = desk.call("sslmarket_certificate", options)
    assert (done.failed, set(files(desk))) == (False, set(wanted))
    assert any(P7B in line for line in desk.sent) is ("p7b_path" in wanted)
    assert desk.call("sslmarket_certificate", options).result["changed"] is False


def test_openssl_reads_them(desk: Desk, program: Callable[[str], str]) -> None:
    fetch(desk)
    place = desk.directory / "files"
    command = [program("openssl"), "pkcs7", "-print_certs", "-in", str(place / f"{NAME}.p7b_path")]
    shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert shown.count("BEGIN CERTIFICATE") == 3
    (place / "root.pem").write_bytes(desk.root.certificate_pem())
    command = [program("openssl"), "verify", "-CAfile", str(place / "root.pem")]
    command += ["-untrusted", str(place / f"{NAME}.fullchain_path"), str(place / f"{NAME}.path")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_bundle_without_the_leaf(desk: Desk) -> None:
    """The documentation says that it has it; pem_server has it in any case."""
    issuer = load.certificates(served(desk, "pem_intermediate"), "x")[1].public_bytes(Encoding.PEM)
    desk.fault(INTERMEDIATE, instead(200, issuer, work=False, **TEXT))
    assert not fetch(desk).failed
    assert len(chain(files(desk)[f"{NAME}.fullchain_path"])) == 2


def test_a_bundle_with_the_root(desk: Desk) -> None:
    everything = b"".join(each.public_bytes(Encoding.PEM) for each in pkcs7.certificates(served(desk, "p7b"), "x"))
    desk.fault(INTERMEDIATE, instead(200, everything * 2, work=False, **TEXT))
    assert not fetch(desk).failed
    assert len(chain(files(desk)[f"{NAME}.fullchain_path"])) == 2


# --- what the CA adds, and what it leaves out ---------------------------------------------------------------------------


def issued(tmp_path: Path, *names: str, **knobs: Any) -> tuple[Desk, Outcome]:
    desk = Desk(tmp_path, **knobs)
    more = {"product_code": "THAWTE_SSL_123"} if len(names) > 1 else {}
    desk.call("sslmarket_order", desk.order(*names, **more))
    return desk, desk.call("sslmarket_certificate", {**desk.certificate(*names), **more})


@pytest.mark.parametrize(
    ("names", "extra"),
    [(["www.alpha.test"], "alpha.test"), (["alpha.test"], "www.alpha.test")],
)
def test_the_name_that_comes_for_free(tmp_path: Path, names: list[str], extra: str) -> None:
    desk, done = issued(tmp_path, *names, extra_name=extra)
    assert not done.failed, done.result
    assert any(f"has names that were not ordered: {extra}" in text for text in done.warnings)
    assert done.result["certificates"][0]["names"] == sorted([*names, extra])
    assert desk.call("sslmarket_certificate", desk.certificate(*names)).result["changed"] is False


def test_the_name_that_comes_with_a_wildcard(tmp_path: Path) -> None:
    desk = Desk(tmp_path, extra_name="alpha.test")
    more = {"product_code": "RAPIDSSL_RAPIDSSL_WILDCARD"}
    desk.call("sslmarket_order", desk.order("*.alpha.test", **more))
    done = desk.call("sslmarket_certificate", {**desk.certificate("*.alpha.test"), **more})
    assert not done.failed, done.result
    assert done.result["certificates"][0]["names"] == ["*.alpha.test", "alpha.test"]


WRONG = {
    "other.test": {"extra_name": "other.test"},
    "a name of somebody else": {"extra_name": "www.other.test"},
    "a name below": {"extra_name": "x.www.alpha.test"},
    "drop_name": {"drop_name": True},
    "wrong_key": {"wrong_key": True},
    "expired": {"expired": True},
    "not_yet_valid": {"not_yet_valid": True},
    "is_ca": {"is_ca": True},
    "wrong_usage": {"wrong_usage": True},
    "no_chain": {"no_chain": True},
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_certificate_that_was_not_ordered(tmp_path: Path, kind: str) -> None:
    """Not stored, and neither bought nor reissued again: the order is kept, and the message says which check it failed."""
    desk, done = issued(tmp_path, NAME, "alpha.test", **WRONG[kind])
    for _run in range(3):
        assert done.failed
        assert done.kind in ("verify", "protocol"), done.result
        assert f"the certificate of order {desk.newest().id}" in done.result["msg"]
        assert files(desk) == {}
        more = {"product_code": "THAWTE_SSL_123"}
        done = desk.call("sslmarket_certificate", {**desk.certificate(NAME, "alpha.test"), **more})
    assert len(desk.writes) == 1


def test_it_is_as_ordered_after_all(tmp_path: Path) -> None:
    """The provider mends it: the next run takes it."""
    desk, done = issued(tmp_path, NAME, wrong_key=True)
    assert done.failed
    desk.market.turn({"wrong_key": False})
    order = desk.newest()
    desk.market.auto_reissue(order)
    assert (fetch(desk).failed, len(desk.writes)) == (False, 1)


@pytest.mark.parametrize("days", [90, 190, 30])
def test_a_short_life_is_told(tmp_path: Path, days: int) -> None:
    desk, done = issued(tmp_path, NAME, certificate_days=days)
    assert not done.failed
    told = any("is shorter than ordered" in text for text in done.warnings)
    longest = 199 if f"{desk.clock.now():%Y%m%d}" < "20270315" else 99
    assert told is (days < longest - 5)


@pytest.mark.parametrize("kind", ["wrong_key", "extra_name", "drop_name"])
def test_a_number_alone_is_for_what_was_ordered(desk: Desk, kind: str) -> None:
    """Without a CSR and names it is the order that says what was ordered."""
    place = str(desk.directory / "files" / "cert.pem")
    options = {**desk.access(), "order_id": desk.newest().id, "path": place}
    done = desk.call("sslmarket_certificate", options)
    assert not done.failed, done.result
    desk.market.turn({kind: "other.test" if kind == "extra_name" else True})
    desk.market.auto_reissue(desk.newest())
    before = files(desk)
    done = desk.call("sslmarket_certificate", {**options, "path": place + "2"})
    assert (done.kind, files(desk)) == ("verify", before)


# --- hostile downloads ------------------------------------------------------------------------------------------------

LEAF_KEY = pki.new_key()
ROOT = pki.authority("Foreign Root")
FOREIGN = pki.authority("Foreign CA", ROOT)
THEIRS = pki.server([NAME], FOREIGN)


def hostile(good: bytes, leaf: bytes, issuer: bytes) -> dict[str, bytes]:
    """`good` is leaf and issuer."""
    middle = len(leaf) // 2
    return {
        "a page": b"<!DOCTYPE html>\n" + good,
        "a page, later": b"\n\n  <html>" + good,
        "nothing": b"",
        "blanks": b" \r\n\t ",
        "json": b'{"error": "not yet", "pem": "-----BEGIN CERTIFICATE-----"}',
        "no certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "half a certificate": leaf[:middle],
        "cut in the chain": good[: len(leaf) + len(issuer) // 2],
        "cut between the certificates": leaf,
        "the chain alone, and again": issuer + issuer,
        "a private key": good + pki.key_pem(LEAF_KEY),
        "a private key before": pki.key_pem(LEAF_KEY) + good,
        "a request": good + pki.request([NAME]),
        "a foreign certificate": good + FOREIGN.pem,
        "a foreign root": good + ROOT.pem,
        "another certificate for the name": THEIRS.pem + FOREIGN.pem,
        "ours and another": good + THEIRS.pem,
        "a self-signed one": pki.server([NAME]).pem,
        "ours below a foreign CA": leaf + FOREIGN.pem,
        "eleven certificates": good + FOREIGN.pem * 9,
        "a long line": good + b"#" * 200_000,
        "zeros": good.replace(b"\n", b"\n\0", 1),
        "flipped": leaf[:200] + (b"A" if leaf[200:201] != b"A" else b"B") + leaf[201:] + issuer,
        "megabytes": good + b"\n" * 1_100_000,
        "not ascii": good + "ä".encode("latin-1"),
    }


def test_hostile_downloads_do_not_reach_the_disk(desk: Desk) -> None:
    tried = 0
    for old in (False, True):
        if old:
            fetch(desk)
            desk.clock.sleep(DAY)
            desk.market.auto_reissue(desk.newest())
        leaf, issuer, _root = (each.public_bytes(Encoding.PEM) for each in parts(desk))
        bodies, before = hostile(leaf + issuer, leaf, issuer), files(desk)
        for kind, body in bodies.items():
            for form in (INTERMEDIATE, SERVER):
                desk.fault(form, instead(200, body, work=False, **TEXT), times=30)
            done = fetch(desk)
            desk.faults.clear()
            assert done.failed, kind
            assert done.kind != "internal", (kind, done.result["msg"])
            assert files(desk) == before, kind
            tried += 1
    print(f"\nhostile downloads {tried}, on disk 0")
    assert fetch(desk).failed is False
    assert files(desk) != before


SURROUNDED = {
    "comments": lambda good: b"# made by a CA\nsubject=CN = x\n" + good,
    "a directive of nginx": lambda good: good + b"\nssl_password_file /etc/shadow;\n",
    "windows": lambda good: good.replace(b"\n", b"\r\n"),
    "blanks": lambda good: b"\n\n" + good.replace(b"-----\n", b"-----  \n") + b"\n\n",
    "twice": lambda good: good + good,
    "a mark": lambda good: b"\xef\xbb\xbf" + good,
}


@pytest.mark.parametrize("kind", SURROUNDED)
def test_only_our_own_encoding_is_written(desk: Desk, kind: str) -> None:
    """What stands around a certificate is refused, or does not survive."""
    good = served(desk, "pem_intermediate")
    desk.fault(INTERMEDIATE, instead(200, SURROUNDED[kind](good), work=False, **TEXT))
    done = fetch(desk)
    if not done.failed:
        leaf, issuer = (each.public_bytes(Encoding.PEM) for each in load.certificates(good, "x"))
        assert files(desk)[f"{NAME}.path"] == leaf
        assert files(desk)[f"{NAME}.fullchain_path"] == leaf + issuer
    else:
        assert files(desk) == {}


def bundles(desk: Desk) -> dict[str, bytes]:
    good, certificates = served(desk, "p7b"), parts(desk)
    more = [each.certificate for each in (FOREIGN, ROOT)]

    def packed(*chosen: Any, encoding: Any = Encoding.PEM) -> bytes:
        return their_pkcs7.serialize_certificates(list(chosen), encoding)

    return {
        "foreign": packed(*certificates, *more),
        "another leaf": packed(THEIRS.certificate, *more),
        "without the leaf": packed(*certificates[1:]),
        "without the issuer": packed(certificates[0], certificates[2]),
        "both leaves": packed(*certificates, THEIRS.certificate),
        "eleven": packed(*certificates, *more * 4),
        "pem": served(desk, "pem_intermediate"),
        "a key": pki.key_pem(LEAF_KEY),
        "two bundles": good + good,
        "a page": b"<html></html>",
        "text": b"not yet",
        "base64 of nothing": b"AAAA",
        "cut": good[:400],
        "cut der": packed(*certificates, encoding=Encoding.DER)[:400],
        "nothing": b"",
    }


def test_hostile_bundles_do_not_reach_the_disk(desk: Desk) -> None:
    """The PEM files stay away, too: three files of one certificate, or none."""
    tried = 0
    for kind, body in bundles(desk).items():
        desk.fault(P7B, instead(200, body, work=False, **TEXT), times=30)
        done = fetch(desk)
        desk.faults.clear()
        assert done.failed, kind
        assert done.kind != "internal", (kind, done.result["msg"])
        assert files(desk) == {}, kind
        tried += 1
    print(f"\nhostile bundles {tried}, on disk 0")
    assert not fetch(desk).failed


def test_the_bundle_holds_another_certificate(desk: Desk) -> None:
    """The provider reissued between two downloads."""
    old = served(desk, "p7b")
    desk.market.auto_reissue(desk.newest())
    desk.fault(P7B, instead(200, old, work=False, **TEXT))
    done = fetch(desk)
    assert (done.kind, files(desk)) == ("verify", {})
    assert "does not hold the certificate that the PEM files hold" in done.result["msg"]
    assert not fetch(desk).failed


# --- what is on disk --------------------------------------------------------------------------------------------------


@pytest.fixture
def fetched(desk: Desk) -> Desk:
    assert not fetch(desk).failed
    return desk


def targets(desk: Desk) -> Targets:
    place = desk.directory / "files"
    return Targets(*(str(place / f"{NAME}.{name}") for name in ("path", "fullchain_path", "p7b_path")))


def test_all_files_hold_one_certificate(fetched: Desk) -> None:
    leaf, damage = delivery.on_disk(targets(fetched))
    assert leaf is not None
    assert (leaf.serial, damage) == (fetched.newest().certificates[-1].serial, None)


@pytest.mark.parametrize("name", ["path", "fullchain_path", "p7b_path"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "does not exist"),
        (b"", "cannot be read"),
        (b"garbage", "cannot be read"),
        (THEIRS.pem, None),
        (FOREIGN.pem, None),
        (pki.key_pem(LEAF_KEY), "cannot be read"),
    ],
    ids=["missing", "empty", "garbage", "another certificate", "a CA's", "a key"],
)
def test_a_damaged_file_is_fetched_anew(fetched: Desk, name: str, content: bytes | None, told: str | None) -> None:
    before = files(fetched)
    path = fetched.directory / "files" / f"{NAME}.{name}"
    path.unlink() if content is None else path.write_bytes(content)
    _leaf, damage = delivery.on_disk(targets(fetched))
    assert damage is not None
    assert told is None or told in damage
    done = fetch(fetched)
    assert (done.failed, done.steps) == (False, [f"fetch {NAME}"]), done.result
    assert files(fetched) == before
    assert len(fetched.writes) == 1


def test_a_link_in_the_place_of_a_file(fetched: Desk) -> None:
    path = fetched.directory / "files" / f"{NAME}.path"
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")
    assert "symbolic link" in fetch(fetched).result["msg"]


def test_nothing_is_there(tmp_path: Path) -> None:
    leaf, damage = delivery.on_disk(Targets(path=str(tmp_path / "none" / "x.pem")))
    assert (leaf, damage) == (None, f"{tmp_path / 'none' / 'x.pem'} does not exist")
    assert delivery.on_disk(Targets()) == (None, "there is no certificate yet")
    assert set(delivery.show(None)) == {
        *("serial", "names", "issuer", "key_type", "not_before", "not_after", "fingerprint")
    }


def test_cut_off_between_the_files(fetched: Desk) -> None:
    """Killed after one of the files: the next run sees different certificates, and fetches again."""
    fetched.clock.sleep(DAY)
    fetched.market.auto_reissue(fetched.newest())
    old = files(fetched)
    fetch(fetched)
    new = files(fetched)
    for name in old:
        shutil.rmtree(fetched.directory / "files")
        (fetched.directory / "files").mkdir()
        for each in old:
            (fetched.directory / "files" / each).write_bytes(new[each] if each == name else old[each])
        assert delivery.on_disk(targets(fetched))[1] == "the files hold different certificates"
        assert fetch(fetched).steps == [f"fetch {NAME}"]
        assert files(fetched) == new


# --- sets -------------------------------------------------------------------------------------------------------------


def test_the_key_of_a_set_changed_meanwhile(tmp_path: Path) -> None:
    """certificate_request was faster: what was downloaded is for the key before, and is not stored."""
    desk = Desk(tmp_path)
    desk.request_sets(NAME)
    desk.call("sslmarket_order", {**desk.in_sets(NAME), **ordering.CONTACTS})
    pending = desk.directory / "sets" / NAME / "pending" / "privkey.pem"

    def other_key(work: Any) -> Any:
        pending.write_bytes(pki.key_pem(pki.new_key()))
        return work()

    desk.fault(INTERMEDIATE, other_key)
    done = desk.call("sslmarket_certificate", desk.in_sets(NAME))
    assert (done.kind, "changed while its certificate was fetched" in done.result["msg"]) == ("state", True)
    assert not (desk.directory / "sets" / NAME / "current").exists()


def test_what_a_set_remembers(tmp_path: Path) -> None:
    desk = Desk(tmp_path, extra_name="alpha.test")
    desk.request_sets(NAME)
    desk.call("sslmarket_order", {**desk.in_sets(NAME), **ordering.CONTACTS})
    assert not desk.call("sslmarket_certificate", desk.in_sets(NAME)).failed
    live = delivery.SetStore(str(desk.directory / "sets")).live(NAME)
    assert live is not None
    order = desk.newest()
    assert {name: live.meta[name] for name in ("provider", "order_id", "profile", "extra_names", "directory_url")} == {
        "provider": "sslmarket",
        "order_id": order.id,
        "profile": ordering.PRODUCT,
        "extra_names": ["alpha.test"],
        "directory_url": None,
    }
    for module in ("sslmarket_order", "sslmarket_certificate"):
        options = desk.in_sets(NAME) | (ordering.CONTACTS if module == "sslmarket_order" else {})
        assert desk.call(module, options).result["changed"] is False
    assert desk.request_sets(NAME)["changed"] is False
