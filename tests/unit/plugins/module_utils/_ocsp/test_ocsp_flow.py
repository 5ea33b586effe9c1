# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to verdicts, against responders on loopback: what is asked, in which order, and what is concluded."""

from __future__ import annotations

import pathlib
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import Clock
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import Plan
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.resource import Have, OcspResource, Want
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.support import pki
from tests.support import revocation as rev
from tests.support.hostile import Hostile, pieces, raw, reply, silence
from tests.support.pki import DAY, Identity
from tests.support.revocation import Asked, Lab, Responder

DEFAULTS: dict[str, Any] = {
    "paths": None,
    "certificates": None,
    "content": None,
    "issuer_path": None,
    "staple_path": None,
    "checker": "local",
    "crl_fallback": True,
    "crl_cache_path": None,
    "fail_on": ["revoked", "invalid"],
    "timeout": 30,
    "responder_timeout": 2,
    "workers": 20,
    "allowed_networks": ["127.0.0.0/8"],
    "allowed_ports": list(range(1024, 65536)),
    "proxy": None,
    "ca_path": None,
    "api_url": "https://api.test",
    "api_token": None,
}


class Moved(Clock):
    """The system's clock, moved."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
def responder(lab: Lab, clock: Moved) -> Iterator[Responder]:
    with Responder(lab.issuer, clock=clock.now) as started:
        started.lists["/list"] = lab.crl()
        yield started


class Run:
    """One run of the resource, without Ansible."""

    def __init__(self, clock: Clock | None = None, check: bool = False, **options: Any) -> None:
        resource = OcspResource(clock or Clock())
        resource.may_write = not check
        want: Want = resource.want({**DEFAULTS, **options})
        have: Have = resource.read(want)
        self.plan: Plan = resource.plan(want, have)
        if not check:
            for step in self.plan.steps:
                resource.apply(step)
            have = resource.read(want) if self.plan.changed else have
        self.shown = resource.show(want, have, self.plan)
        self.problem: CollectionError | None = resource.problem
        self.entries: list[dict[str, Any]] = self.shown["certificates"]

    @property
    def only(self) -> dict[str, Any]:
        (entry,) = self.entries
        return entry

    @property
    def status(self) -> str:
        return str(self.only["status"])


def check(lab: Lab, leaf: Identity, clock: Clock | None = None, **options: Any) -> Run:
    return Run(clock, content=(leaf.pem + lab.issuer.pem).decode(), **options)


def sources(run: Run) -> list[tuple[str, str]]:
    """What was asked in vain, and what settled it."""
    found = [(attempt["source"], attempt["status"]) for attempt in run.only["attempts"]]
    return [*found, (run.only["source"], run.status)] if run.status in ("good", "revoked") else found


# --- OCSP -------------------------------------------------------------------------------------------------------------


def test_get_with_a_nonce(lab: Lab, responder: Responder) -> None:
    leaf = rev.leaf(lab.issuer, urls=(responder.url, None))
    run = check(lab, leaf)
    assert (run.status, run.only["source"], run.only["nonce"], run.only["verified"]) == (
        "good",
        "ocsp",
        "matched",
        True,
    )
    assert run.only["url"] == responder.url
    (asked,) = responder.asked
    assert asked.method == "GET"
    request = ocsp.load_der_ocsp_request(rev.decoded(asked.path))
    assert len(request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce) == 32
    check(lab, leaf)
    assert responder.asked[0].path != responder.asked[1].path


def test_post_where_get_does_not_fit(lab: Lab, responder: Responder) -> None:
    for path in ("/" + "x" * 200, "/?ca=7"):
        run = check(lab, rev.leaf(lab.issuer, urls=(responder.url + path, None)))
        assert (run.status, run.only["nonce"]) == ("good", "matched")
    assert [(asked.method, asked.path) for asked in responder.asked] == [("POST", "/" + "x" * 200), ("POST", "/?ca=7")]


def test_a_responder_that_ignores_nonces(lab: Lab, responder: Responder) -> None:
    responder.with_nonce = False
    run = check(lab, rev.leaf(lab.issuer, urls=(responder.url, None)))
    assert (run.status, run.only["nonce"], len(responder.asked)) == ("good", "absent", 1)


@pytest.mark.parametrize("answer", [400, 404, 405, 414, 501, rev.refusal(1), rev.refusal(6)], ids=str)
def test_a_responder_that_dislikes_get_or_nonces(lab: Lab, responder: Responder, answer: Any) -> None:
    """Asked once more in the plainest form: POST, no nonce."""
    responder.refuse = lambda asked: answer if asked.method == "GET" else None
    run = check(lab, rev.leaf(lab.issuer, urls=(responder.url, None)))
    assert (run.status, run.only["nonce"]) == ("good", "not_sent")
    assert [asked.method for asked in responder.asked] == ["GET", "POST"]
    responder.refuse = lambda asked: answer
    run = check(lab, rev.leaf(lab.issuer, urls=(responder.url, None)))
    assert run.status == "unreachable"
    assert len(responder.asked) == 4


def test_what_a_responder_likes_is_learnt_once(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    responder.refuse = lambda asked: 405 if asked.method == "GET" else None
    for number in range(10):
        leaf = rev.leaf(lab.issuer, f"n{number}.test", (responder.url, None))
        (tmp_path / f"{number:02}.pem").write_bytes(leaf.pem + lab.issuer.pem)
    run = Run(paths=[str(tmp_path / "*.pem")])
    assert run.shown["counts"]["good"] == 10
    assert [asked.method for asked in responder.asked] == ["GET"] + ["POST"] * 10


@pytest.mark.parametrize("answer", [408, 429, 500, 503, 301, rev.refusal(2), rev.refusal(3)], ids=str)
def test_a_responder_in_trouble_is_not_asked_twice(lab: Lab, responder: Responder, answer: Any) -> None:
    responder.refuse = lambda asked: answer
    run = check(lab, rev.leaf(lab.issuer, urls=(responder.url, None)))
    assert (run.status, len(responder.asked)) == ("unreachable", 1)


def test_delegates(lab: Lab, responder: Responder) -> None:
    responder.signer = rev.delegate(lab.issuer, common_name="Responder 7")
    run = check(lab, rev.leaf(lab.issuer, urls=(responder.url, None)))
    assert (run.status, run.only["signer"]) == ("good", "CN=Responder 7")
    responder.signer = rev.delegate(lab.root)
    assert check(lab, rev.leaf(lab.issuer, urls=(responder.url, None))).status == "invalid"


def test_a_second_url(lab: Lab, responder: Responder) -> None:
    """Of several responders the next one is asked when the first does not settle it."""
    from cryptography.x509.oid import AuthorityInformationAccessOID as Kind

    def access(*urls: str) -> x509.AuthorityInformationAccess:
        issuers = x509.AccessDescription(Kind.CA_ISSUERS, x509.UniformResourceIdentifier("http://x.test"))
        names = [x509.AccessDescription(Kind.OCSP, x509.UniformResourceIdentifier(url)) for url in urls]
        other = x509.AccessDescription(Kind.OCSP, x509.DirectoryName(pki.name("x")))
        return x509.AuthorityInformationAccess([issuers, other, *names])

    with Hostile(reply(200, b"<html>")) as wrong:
        urls = ["ldap://x.test/", "http://10.0.0.1/", wrong.url, responder.url]
        leaf = rev.leaf(lab.issuer, urls=(None, None), more=[(access(*urls[1:]), False)])
        run = check(lab, leaf)
        assert sources(run) == [("ocsp", "not_checkable"), ("ocsp", "invalid"), ("ocsp", "good")]
        assert len(wrong.requests) == 1
        many = rev.leaf(lab.issuer, urls=(None, None), more=[(access(*urls), False)])
        assert check(lab, many).status == "invalid"  # three are asked, not more


# --- CRL --------------------------------------------------------------------------------------------------------------


def both(lab: Lab, responder: Responder, **options: Any) -> Identity:
    return rev.leaf(lab.issuer, urls=(responder.url, responder.url + "/list"), **options)


TROUBLE: dict[str, tuple[Any, str]] = {
    "unreachable": (503, "unreachable"),
    "try later": (rev.refusal(3), "unreachable"),
    "a web page": (b"<html>", "invalid"),
    "unknown": ("unknown", "unknown"),
    "forged": ("forged", "invalid"),
    "stale": ("stale", "invalid"),
}


def trouble(lab: Lab, leaf: Identity, case: str) -> tuple[Any, str]:
    content, status = TROUBLE[case]
    single = rev.Single(leaf.certificate, lab.issuer.certificate)
    if content == "unknown":
        content = lab.answer(lab.single("unknown", certificate=leaf.certificate))
    elif content == "forged":
        content = rev.response([single], pki.authority("Lab Issuer"))
    elif content == "stale":
        content = lab.answer(
            lab.single(certificate=leaf.certificate, next_update=pki.NOW - DAY, this_update=pki.NOW - 8 * DAY)
        )
    return content, status


@pytest.mark.parametrize("case", TROUBLE)
def test_the_crl_when_ocsp_does_not_settle_it(lab: Lab, responder: Responder, case: str) -> None:
    leaf = both(lab, responder)
    content, status = trouble(lab, leaf, case)
    responder.refuse = lambda asked: None if asked.path == "/list" else content
    run = check(lab, leaf)
    assert sources(run) == [("ocsp", status), ("crl", "good")]
    assert (run.only["verified"], run.only["signer"], run.only["cached"]) == (True, None, False)
    responder.lists["/list"] = lab.crl([(leaf.certificate.serial_number, x509.ReasonFlags.superseded)])
    run = check(lab, leaf)
    assert sources(run) == [("ocsp", status), ("crl", "revoked")]
    assert run.only["revocation_reason"] == "superseded"
    run = check(lab, leaf, crl_fallback=False)
    assert (run.status, run.only["source"]) == (status, "ocsp")


@pytest.mark.parametrize("case", TROUBLE)
@pytest.mark.parametrize("crl", ["missing", "forged", "another shard"])
def test_when_nothing_settles_it(lab: Lab, responder: Responder, case: str, crl: str) -> None:
    """The most alarming word counts, and that is never "good"."""
    leaf = both(lab, responder)
    content, status = trouble(lab, leaf, case)
    responder.refuse = lambda asked: None if asked.path == "/list" else content
    responder.lists["/list"] = {
        "missing": b"",
        "forged": rev.crl(pki.authority("Lab Issuer")),
        "another shard": lab.crl(extensions=[(rev.scope("http://crl.ca.test/other"), True)]),
    }[crl]
    if crl == "missing":
        responder.refuse = lambda asked: 404 if asked.path == "/list" else content
    run = check(lab, leaf)
    expected = status if crl == "missing" else "invalid"
    assert run.status == expected
    assert [attempt["source"] for attempt in run.only["attempts"]] == ["ocsp", "crl"]
    assert run.only["reason"]


def test_a_revoked_certificate_is_not_looked_for_in_the_crl(lab: Lab, responder: Responder) -> None:
    leaf = both(lab, responder)
    responder.revoked[leaf.certificate.serial_number] = "keyCompromise"
    run = check(lab, leaf)
    assert sources(run) == [("ocsp", "revoked")]
    assert run.only["revocation_reason"] == "keyCompromise"
    assert len(responder.asked) == 1


def test_one_list_for_many_certificates(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    for number in range(40):
        leaf = rev.leaf(lab.issuer, f"n{number}.test", (None, responder.url + "/list"))
        (tmp_path / f"{number:02}.pem").write_bytes(leaf.pem + lab.issuer.pem)
    run = Run(paths=[str(tmp_path / "*.pem")])
    assert run.shown["counts"]["good"] == 40
    assert [asked.path for asked in responder.asked] == ["/list"]


def test_lists_that_are_too_many_to_keep(
    lab: Lab, responder: Responder, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp import crl_store

    monkeypatch.setattr(crl_store, "_MOST_BYTES", 10)
    for number in range(3):
        leaf = rev.leaf(lab.issuer, f"n{number}.test", (None, responder.url + "/list"))
        (tmp_path / f"{number:02}.pem").write_bytes(leaf.pem + lab.issuer.pem)
    assert Run(paths=[str(tmp_path / "*.pem")]).shown["counts"]["good"] == 3
    assert len(responder.asked) == 3


def test_a_failed_list_is_fetched_once(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    responder.lists["/list"] = b"<html>"
    for number in range(10):
        leaf = rev.leaf(lab.issuer, f"n{number}.test", (None, responder.url + "/list"))
        (tmp_path / f"{number:02}.pem").write_bytes(leaf.pem + lab.issuer.pem)
    run = Run(paths=[str(tmp_path / "*.pem")])
    assert run.shown["counts"]["invalid"] == 10
    assert len(responder.asked) == 1


def test_cache(lab: Lab, responder: Responder, tmp_path: pathlib.Path, clock: Moved) -> None:
    leaf, folder = rev.leaf(lab.issuer, urls=(None, responder.url + "/list")), tmp_path / "made" / "crls"
    responder.lists["/list"] = lab.crl(next_update=pki.NOW + 3 * DAY)

    def run(**options: Any) -> tuple[str, bool, int]:
        responder.asked.clear()
        found = check(lab, leaf, clock, crl_cache_path=str(folder), **options)
        return found.status, found.only["cached"], len(responder.asked)

    assert run(check=True) == ("good", False, 1)
    assert not folder.exists()
    assert run() == ("good", False, 1)
    (copy,) = folder.iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o644
    assert run() == ("good", True, 0)
    # what is there is proven, whoever put it there
    kept = copy.read_bytes()
    for damage in (b"", b"<html>", kept[:-1], rev.crl(pki.authority("Lab Issuer")), lab.answer(), bytes(10)):
        copy.write_bytes(damage)
        assert run() == ("good", False, 1)
        assert copy.read_bytes() == kept
    copy.unlink()
    copy.symlink_to("/etc/passwd")
    with pytest.raises(CollectionError):
        run()
    copy.unlink()
    with pytest.raises(CollectionError, match="crl_cache_path: .*Not a directory"):
        check(lab, leaf, clock, crl_cache_path="/dev/null/x")
    # its end
    assert run() == ("good", False, 1)
    clock.by = 4 * DAY
    responder.lists["/list"] = lab.crl(next_update=pki.NOW + 9 * DAY)
    assert run() == ("good", False, 1)
    assert run() == ("good", True, 0)
    # the list is of another issuer's certificate, too
    clock.by = timedelta(0)
    other = Lab()
    twin = rev.leaf(other.issuer, urls=(None, responder.url + "/list"))
    found = check(other, twin, clock, crl_cache_path=str(folder))
    assert found.status == "invalid"


# --- nobody to ask ----------------------------------------------------------------------------------------------------


def test_no_urls(lab: Lab, responder: Responder) -> None:
    run = check(lab, rev.leaf(lab.issuer, urls=(None, None)))
    assert (run.status, run.only["source"], run.only["attempts"]) == ("not_checkable", None, [])
    assert "neither an OCSP responder nor a CRL" in run.only["reason"]
    assert run.problem is None
    run = check(lab, rev.leaf(lab.issuer, urls=(None, responder.url + "/list")), crl_fallback=False)
    assert (run.status, responder.asked) == ("not_checkable", [])
    odd = rev.leaf(lab.issuer, urls=("ldap://x.test/\x1b[31m\r\n", "ldap://x.test/"))
    run = check(lab, odd)
    assert run.status == "not_checkable"
    assert run.only["url"] == "ldap://x.test/ [31m"
    self_signed = pki.server(["x.test"], None, more=rev.pointers(responder.url))
    assert Run(content=self_signed.pem.decode()).status == "not_checkable"
    assert responder.asked == []


def test_no_issuer(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    """Nothing can be proven without it, so nobody is asked."""
    leaf = both(lab, responder)
    wrong = [
        b"",
        lab.root.pem,
        pki.authority("Lab Issuer").pem,
        pki.authority("Lab Issuer", is_ca=False, key=lab.issuer.key).pem,
        rev.leaf(lab.issuer, "other.test").pem,
    ]
    for others in wrong:
        run = Run(content=(leaf.pem + others).decode())
        assert run.status == "not_checkable"
        assert "issuer" in run.only["reason"]
    assert responder.asked == []
    for others in (lab.issuer.pem, lab.root.pem + lab.issuer.pem, pki.authority("Lab Issuer").pem + lab.issuer.pem):
        path = tmp_path / "issuer.pem"
        path.write_bytes(others)
        assert Run(content=leaf.pem.decode(), issuer_path=str(path)).status == "good"


def test_an_expired_certificate(lab: Lab, responder: Responder) -> None:
    leaf = both(lab, responder, not_before=pki.NOW - 90 * DAY, not_after=pki.NOW - DAY)
    run = check(lab, leaf)
    assert (run.status, run.only["expired"]) == ("not_checkable", True)
    assert "expired on" in run.only["reason"]
    responder.revoked[leaf.certificate.serial_number] = "superseded"
    assert check(lab, leaf).status == "revoked"


# --- staples ----------------------------------------------------------------------------------------------------------


def test_the_life_of_a_staple(lab: Lab, responder: Responder, tmp_path: pathlib.Path, clock: Moved) -> None:
    leaf, path = rev.leaf(lab.issuer, urls=(responder.url, None)), tmp_path / "x.ocsp"

    def run(**options: Any) -> tuple[str, bool]:
        found = check(lab, leaf, clock, staple_path=str(path), **options)
        assert found.only["nonce"] == "not_sent"  # it is for everybody
        if found.plan.changed:
            assert [step.show()["subject"] for step in found.plan.steps] == [str(path)]
            assert "good, until" in str(found.plan.after[str(path)])
        assert found.only["staple"]["written"] == found.plan.changed
        return found.status, found.plan.changed

    assert run(check=True) == ("good", True)
    assert not path.exists()
    assert run() == ("good", True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    first = path.read_bytes()
    assert ocsp.load_der_ocsp_response(first).serial_number == leaf.certificate.serial_number
    for _again in range(2):
        assert run() == ("good", False)
    clock.by = 3 * DAY
    assert run() == ("good", False)
    clock.by = timedelta(days=3, hours=13)
    assert run(check=True) == ("good", True)
    assert path.read_bytes() == first
    assert run() == ("good", True)
    assert path.read_bytes() != first
    assert run() == ("good", False)


def test_staples_that_do_not_hold(lab: Lab, responder: Responder, tmp_path: pathlib.Path, clock: Moved) -> None:
    leaf, path = rev.leaf(lab.issuer, urls=(responder.url, None)), tmp_path / "x.ocsp"
    other = rev.leaf(lab.issuer)
    good = rev.Single(leaf.certificate, lab.issuer.certificate)
    wrong = {
        "empty": b"",
        "no answer": b"<html>",
        "another certificate's": lab.answer(lab.single(certificate=other.certificate)),
        "forged": rev.response([good], pki.authority("Lab Issuer")),
        "stale": lab.answer(
            lab.single(certificate=leaf.certificate, this_update=pki.NOW - 9 * DAY, next_update=pki.NOW - DAY)
        ),
        "revoked": lab.answer(lab.single("revoked", certificate=leaf.certificate)),
        "unknown": lab.answer(lab.single("unknown", certificate=leaf.certificate)),
        "try later": rev.refusal(3),
    }
    for name, content in wrong.items():
        path.write_bytes(content)
        run = check(lab, leaf, clock, staple_path=str(path))
        assert (run.status, run.plan.changed) == ("good", True), name
        assert run.only["staple"]["valid"] is True
        # and when nobody answers it is no staple to rely on
        path.write_bytes(content)
        responder.refuse = lambda asked: 503
        run = check(lab, leaf, clock, staple_path=str(path))
        expected = "revoked" if name == "revoked" else "unreachable"
        assert (run.status, run.plan.changed, run.only["staple"]["valid"]) == (expected, False, False), name
        assert path.read_bytes() == content
        responder.refuse = None


def test_only_good_answers_become_staples(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    leaf, path = both(lab, responder), tmp_path / "x.ocsp"
    responder.revoked[leaf.certificate.serial_number] = "keyCompromise"
    run = check(lab, leaf, staple_path=str(path))
    assert (run.status, run.plan.changed, path.exists()) == ("revoked", False, False)
    responder.refuse = lambda asked: None if asked.path == "/list" else 503
    run = check(lab, leaf, staple_path=str(path))
    assert (run.status, run.only["source"], run.plan.changed) == ("good", "crl", False)


def test_the_staple_when_nobody_answers(lab: Lab, responder: Responder, tmp_path: pathlib.Path, clock: Moved) -> None:
    leaf, path = both(lab, responder), tmp_path / "x.ocsp"
    check(lab, leaf, clock, staple_path=str(path))
    responder.refuse = lambda asked: 503
    run = check(lab, leaf, clock, staple_path=str(path))
    assert sources(run) == [("ocsp", "unreachable"), ("crl", "unreachable"), ("staple", "good")]
    assert run.only["url"] is None
    clock.by = 8 * DAY
    run = check(lab, leaf, clock, staple_path=str(path))
    assert (run.status, run.only["staple"]["valid"]) == ("unreachable", False)


def test_a_staple_is_no_word_against_a_proven_one(
    lab: Lab, responder: Responder, tmp_path: pathlib.Path, clock: Moved
) -> None:
    """The issuer says now that it does not know the certificate: what it said some days ago is over."""
    leaf, path = rev.leaf(lab.issuer, urls=(responder.url, None)), tmp_path / "x.ocsp"
    check(lab, leaf, clock, staple_path=str(path))
    forgotten = lab.answer(lab.single("unknown", certificate=leaf.certificate))
    responder.refuse = lambda asked: forgotten
    run = check(lab, leaf, clock, staple_path=str(path))
    assert (run.status, sources(run)) == ("unknown", [("ocsp", "unknown")])
    # what cannot be believed is as good as no answer
    responder.refuse = lambda asked: rev.flip(forgotten)
    run = check(lab, leaf, clock, staple_path=str(path))
    assert sources(run) == [("ocsp", "invalid"), ("staple", "good")]


def test_a_responder_without_anything_newer(
    lab: Lab, responder: Responder, tmp_path: pathlib.Path, clock: Moved
) -> None:
    leaf, path = rev.leaf(lab.issuer, urls=(responder.url, None)), tmp_path / "x.ocsp"
    same = lab.answer(lab.single(certificate=leaf.certificate))
    responder.refuse = lambda asked: same
    assert check(lab, leaf, clock, staple_path=str(path)).plan.changed
    clock.by = 4 * DAY
    assert not check(lab, leaf, clock, staple_path=str(path)).plan.changed
    # signed again, with the same dates
    again = lab.answer(lab.single(certificate=leaf.certificate))
    assert again != same
    responder.refuse = lambda asked: again
    assert not check(lab, leaf, clock, staple_path=str(path)).plan.changed


def test_odd_places_for_staples(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    leaf = rev.leaf(lab.issuer, urls=(responder.url, None))
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder", "missing/x.ocsp"):
        with pytest.raises(UsageError, match="staple_path"):
            check(lab, leaf, staple_path=str(tmp_path / name))
    bundle = tmp_path / "x.pem"
    bundle.write_bytes(leaf.pem + lab.issuer.pem)
    entry = {"path": str(bundle), "issuer_path": None, "staple_path": str(tmp_path / "s")}
    with pytest.raises(UsageError, match="given twice"):
        Run(certificates=[entry, {**entry, "issuer_path": str(bundle)}])
    (tmp_path / "y.pem").write_bytes(bundle.read_bytes())
    with pytest.raises(UsageError, match="for one certificate, and paths has 2"):
        Run(paths=[str(tmp_path / "?.pem")], staple_path=str(tmp_path / "s"))


def test_a_staple_for_each(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    entries = []
    for name in "abc":
        (tmp_path / f"{name}.pem").write_bytes(rev.leaf(lab.issuer, urls=(responder.url, None)).pem)
        entries.append(
            {"path": str(tmp_path / f"{name}.pem"), "issuer_path": None, "staple_path": str(tmp_path / f"{name}.ocsp")}
        )
    entries[1]["staple_path"] = None
    issuer = tmp_path / "issuer"
    issuer.write_bytes(lab.issuer.pem)
    run = Run(certificates=entries, issuer_path=str(issuer))
    assert run.shown["counts"]["good"] == 3
    assert [step.subject for step in run.plan.steps] == [str(tmp_path / "a.ocsp"), str(tmp_path / "c.ocsp")]
    assert [entry["nonce"] for entry in run.entries] == ["not_sent", "matched", "not_sent"]
    assert not Run(certificates=entries, issuer_path=str(issuer)).plan.changed


# --- input ------------------------------------------------------------------------------------------------------------


def test_what_paths_may_be(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    names = iter(f"n{number}.test" for number in range(99))

    def bundle(path: pathlib.Path) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        name = next(names)
        path.write_bytes(rev.leaf(lab.issuer, name, (responder.url, None)).pem + lab.issuer.pem)
        return "CN=" + name

    expected = [
        bundle(tmp_path / "b.pem"),
        bundle(tmp_path / "a.pem"),
        bundle(tmp_path / "sets" / "x" / "12ab" / "fullchain.pem"),
    ]
    (tmp_path / "sets" / "x" / "current").symlink_to("12ab")
    (tmp_path / "sets" / "y" / "pending").mkdir(parents=True)
    (tmp_path / "link.pem").symlink_to("a.pem")
    run = Run(
        paths=[
            str(tmp_path / "b.pem"),
            str(tmp_path / "[ab].pem"),
            str(tmp_path / "sets" / "*"),
            str(tmp_path / "link.pem"),
        ]
    )
    assert [entry["subject"] for entry in run.entries] == [*expected, None, expected[1]]
    assert [entry["status"] for entry in run.entries] == ["good", "good", "good", "not_checkable", "good"]
    assert run.entries[2]["path"] == str(tmp_path / "sets" / "x" / "current" / "fullchain.pem")
    assert "no certificate yet" in run.entries[3]["reason"]
    assert run.problem is None


def test_der_and_issuer_path(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    leaf = rev.leaf(lab.issuer, urls=(responder.url, None))
    (tmp_path / "x.der").write_bytes(leaf.der)
    (tmp_path / "issuer.der").write_bytes(lab.issuer.certificate.public_bytes(Encoding.DER))
    assert Run(paths=[str(tmp_path / "x.der")], issuer_path=str(tmp_path / "issuer.der")).status == "good"


def test_input_that_cannot_be_read(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    """It fails the task, after the others were checked."""
    good = tmp_path / "0.pem"
    good.write_bytes(rev.leaf(lab.issuer, urls=(responder.url, None)).pem + lab.issuer.pem)
    bad = {
        "1 missing": None,
        "2 empty": b"",
        "3 no certificate": b"hello\n",
        "4 a key": lab.leaf.key_pem,
        "5 a key with it": lab.leaf.pem + lab.leaf.key_pem,
        "6 cut off": lab.leaf.pem[:200],
        "7 DER cut off": lab.leaf.der[:-1],
        "8 large": b"#" * 150_000,
        "9 a device": "/dev/zero",
    }
    for name, content in bad.items():
        if isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        elif content:
            (tmp_path / name).symlink_to(content)
    entries = [{"path": str(tmp_path / name), "issuer_path": None, "staple_path": None} for name in ("0.pem", *bad)]
    run = Run(certificates=entries)
    assert [entry["status"] for entry in run.entries] == ["good"] + ["not_checkable"] * len(bad)
    assert run.problem is not None
    assert set(run.problem.extra["failed"]) == {str(tmp_path / name) for name in bad}  # type: ignore[call-overload]
    assert "PRIVATE" not in run.problem.sentence()
    single = Run(certificates=entries[3:4])
    assert single.problem is not None
    assert single.problem.kind == "invalid_data"
    bad_issuer = Run(paths=[str(good)], issuer_path=str(tmp_path / "3 no certificate"))
    assert "3 no certificate" in str(bad_issuer.problem)
    with pytest.raises(UsageError, match="matches nothing"):
        Run(paths=[str(tmp_path / "*.crt")])


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"responder_timeout": 0},
        {"responder_timeout": 301},
        {"workers": 0},
        {"workers": 65},
        {"allowed_networks": ["10.0.0.0/33"]},
        {"allowed_ports": [0]},
        {"proxy": "socks5://x.test"},
        {"checker": "sslmarket", "staple_path": "/tmp/x", "api_token": "x"},
        {"checker": "sslmarket", "crl_cache_path": "/tmp/x", "api_token": "x"},
        {"checker": "sslmarket"},
    ],
    ids=str,
)
def test_options_that_do_not_fit(lab: Lab, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        check(lab, lab.leaf, **options)


# --- what fails, what warns -------------------------------------------------------------------------------------------


def test_fail_on(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    good, revoked = (
        rev.leaf(lab.issuer, "good.test", (responder.url, None)),
        rev.leaf(lab.issuer, "revoked.test", (responder.url, None)),
    )
    nobody, dead = (
        rev.leaf(lab.issuer, "nobody.test", (None, None)),
        rev.leaf(lab.issuer, "dead.test", ("http://127.0.0.1:1", None)),
    )
    responder.revoked[revoked.certificate.serial_number] = "keyCompromise"
    for number, leaf in enumerate((good, revoked, nobody, dead)):
        (tmp_path / f"{number}.pem").write_bytes(leaf.pem + lab.issuer.pem)
    options: dict[str, Any] = {"paths": [str(tmp_path / "*.pem")], "allowed_ports": [1, responder.port]}
    run = Run(**options)
    assert run.shown["counts"] == {
        "good": 1,
        "revoked": 1,
        "unknown": 0,
        "invalid": 0,
        "unreachable": 1,
        "not_checkable": 1,
    }
    assert run.problem is not None
    assert "1 of 4 certificates" in run.problem.sentence()
    assert "keyCompromise" in run.problem.sentence()
    (warning,) = run.plan.warnings
    assert warning.startswith("unreachable: %s (http://127.0.0.1:1 cannot be reached" % (tmp_path / "3.pem"))
    assert Run(**options, fail_on=[]).problem is None
    strict = Run(**options, fail_on=["revoked", "invalid", "unknown", "unreachable", "not_checkable"])
    assert strict.problem is not None
    assert len(strict.problem.extra["failed"]) == 3  # type: ignore[arg-type]
    assert strict.plan.warnings == ()
    assert Run(**options, fail_on=["good"]).problem is not None


def test_many_failures_are_one_sentence(lab: Lab, tmp_path: pathlib.Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.pem").write_bytes(rev.leaf(lab.issuer, urls=(None, None)).pem + lab.issuer.pem)
    run = Run(paths=[str(tmp_path / "*.pem")], fail_on=["not_checkable"])
    assert run.problem is not None
    assert "and 20 more" in run.problem.sentence()
    assert len(run.problem.extra["failed"]) == 30  # type: ignore[arg-type]


# --- trouble on the network -------------------------------------------------------------------------------------------

HOSTILE = {
    "silent": (silence, "unreachable"),
    "slow": (pieces([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 1000], 0.05), "unreachable"),
    "redirect": (reply(302, b"", {"Location": "http://127.0.0.1:1/"}), "unreachable"),
    "503": (reply(503, b"later"), "unreachable"),
    "10 MB": (reply(200, b"x" * 10_000_000), "invalid"),
    "a web page": (reply(200, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"}), "invalid"),
    "no HTTP": (raw(b"220 mail.test ESMTP\r\n"), "invalid"),
    "nothing": (raw(b""), "unreachable"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_responders(lab: Lab, case: str) -> None:
    play, expected = HOSTILE[case]
    with Hostile(play) as server:
        leaf = rev.leaf(lab.issuer, urls=(server.url, server.url + "/list"))
        started = time.monotonic()
        run = check(lab, leaf, responder_timeout=1)
        assert time.monotonic() - started < 3
        assert run.status == expected
        assert len(server.requests) <= 2
        server.over.set()


def test_hostile_lists(lab: Lab, responder: Responder) -> None:
    for case in ("silent", "redirect", "503", "a web page", "no HTTP", "nothing"):
        play, expected = HOSTILE[case]
        with Hostile(play) as server:
            leaf = rev.leaf(lab.issuer, urls=(None, server.url + "/list"))
            assert check(lab, leaf, responder_timeout=1).status == expected
            server.over.set()
    endless = pieces([b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 262_144], endless=True)
    with Hostile(endless) as server:
        run = check(lab, rev.leaf(lab.issuer, urls=(None, server.url + "/list")))
        assert (run.status, "more than" in run.only["reason"]) == ("invalid", True)


def test_dead_responders_do_not_hold_up_the_others(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    """Thirty certificates of ten silent responders, thirty of a good one: one time-out in all."""
    servers = [Hostile(silence) for _number in range(10)]
    try:
        for number in range(60):
            url = servers[number // 2 % 10].__enter__().url if number in range(0, 20, 2) else None
            url = url or (servers[number // 2 % 10].url if number % 2 == 0 else responder.url)
            leaf = rev.leaf(lab.issuer, f"n{number}.test", (url, None))
            (tmp_path / f"{number:02}.pem").write_bytes(leaf.pem + lab.issuer.pem)
        started = time.monotonic()
        run = Run(paths=[str(tmp_path / "*.pem")], responder_timeout=1)
        seconds = time.monotonic() - started
        assert [entry["status"] for entry in run.entries] == ["unreachable", "good"] * 30
        assert seconds < 2.5
        assert [len(server.requests) for server in servers] == [1] * 10
    finally:
        for server in servers:
            server.__exit__(None, None, None)


def test_the_total_deadline(lab: Lab, tmp_path: pathlib.Path) -> None:
    with Hostile(silence) as server:
        for number in range(5):
            leaf = rev.leaf(lab.issuer, f"n{number}.test", (server.url, server.url + f"/list{number}"))
            (tmp_path / f"{number:02}.pem").write_bytes(leaf.pem + lab.issuer.pem)
        started = time.monotonic()
        run = Run(paths=[str(tmp_path / "*.pem")], timeout=1, responder_timeout=20)
        assert time.monotonic() - started < 2.5
        assert run.shown["counts"]["unreachable"] == 5
        server.over.set()


def test_urls_that_lead_into_our_network(lab: Lab, responder: Responder) -> None:
    leaf = both(lab, responder)
    for options in ({"allowed_networks": []}, {"allowed_ports": [80, 443]}):
        run = check(lab, leaf, **options)
        assert run.status == "not_checkable"
        assert "allowed_" in run.only["reason"]
        assert run.plan.warnings
    assert responder.asked == []


# --- openssl's own responder ------------------------------------------------------------------------------------------


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("signer", ["issuer", "delegate"])
def test_openssl_as_the_responder(lab: Lab, responder: Responder, tmp_path: pathlib.Path, signer: str) -> None:
    """`openssl ocsp` makes the answers; its own server would listen on all addresses, so ours hands them over."""
    leaves = {name: both(lab, responder) for name in ("good", "revoked", "unknown")}
    identity = lab.issuer if signer == "issuer" else rev.delegate(lab.issuer)
    (tmp_path / "ca").write_bytes(lab.issuer.pem)
    (tmp_path / "signer").write_bytes(identity.pem)
    (tmp_path / "key").write_bytes(identity.key_pem)
    lines = []
    for name, flag in (("good", "V"), ("revoked", "R")):
        end = leaves[name].certificate.not_valid_after_utc.strftime("%y%m%d%H%M%SZ")
        when = "260101000000Z,keyCompromise" if flag == "R" else ""
        lines.append(
            "\t".join(
                [flag, end, when, f"{leaves[name].certificate.serial_number:X}".zfill(40), "unknown", f"/CN={name}"]
            )
        )
    (tmp_path / "index").write_text("\n".join(lines) + "\n", encoding="ascii")

    def openssl(asked: Asked) -> bytes | None:
        if asked.path == "/list":
            return None
        (tmp_path / "request").write_bytes(asked.body if asked.method == "POST" else rev.decoded(asked.path))
        command = [
            "openssl",
            "ocsp",
            "-index",
            "index",
            "-CA",
            "ca",
            "-rsigner",
            "signer",
            "-rkey",
            "key",
            "-ndays",
            "1",
        ]
        command += ["-reqin", "request", "-respout", "response"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        return (tmp_path / "response").read_bytes()

    responder.refuse = openssl
    for name, leaf in leaves.items():
        run = check(lab, leaf, crl_fallback=False)
        assert (run.status, run.only["nonce"]) == (name, "matched")
        assert run.only["signer"] == ("issuer" if signer == "issuer" else "CN=Responder")
    assert check(lab, leaves["unknown"]).status == "good"  # the list does not have it
    run = check(lab, leaves["revoked"])
    assert (run.only["revoked_at"], run.only["revocation_reason"]) == ("2026-01-01T00:00:00Z", "keyCompromise")


@pytest.mark.needs("openssl")
def test_openssl_accepts_our_staples(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    leaf, staple = rev.leaf(lab.issuer, urls=(responder.url, None)), tmp_path / "x.ocsp"
    responder.signer = rev.delegate(lab.issuer)
    assert check(lab, leaf, staple_path=str(staple)).plan.changed
    (tmp_path / "leaf").write_bytes(leaf.pem)
    (tmp_path / "issuer").write_bytes(lab.issuer.pem)
    (tmp_path / "chain").write_bytes(lab.issuer.pem + lab.root.pem)
    command = ["openssl", "ocsp", "-respin", "x.ocsp", "-issuer", "issuer", "-cert", "leaf", "-CAfile", "chain"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "leaf: good" in done.stdout
    assert "Response verify OK" in done.stderr
