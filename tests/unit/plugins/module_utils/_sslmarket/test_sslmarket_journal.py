# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of paid orders: its files, and that nothing is bought when they cannot be trusted, or not be written."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    LockedError,
    OutcomeUnknown,
    StateError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import journal
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.journal import Journal, Note, Purchase

from tests.support import ordering
from tests.support.desk import URL, Desk, Killed, failing, lost
from tests.support.scripted import NOW, FakeClock

PRODUCT, NAME = ordering.PRODUCT, "www.alpha.test"
NAMES = (NAME, "alpha.test")
HOUR = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kept(tmp_path: Path, clock: FakeClock) -> Journal:
    return Journal(str(tmp_path / "journal"), URL, clock)  # type: ignore[arg-type]


def purchase(state: str = journal.INTENT, **more: Any) -> Purchase:
    return Purchase(URL, PRODUCT, NAMES, state, iso(NOW), **more)


def record(kept: Journal, made: Purchase) -> Purchase:
    with kept.lock(made.product_code, made.names, 1):
        return kept.record(made)


def only_file(kept: Journal) -> Path:
    (path,) = Path(kept.path).glob("purchases/*/*.json")
    return path


# --- its files --------------------------------------------------------------------------------------------------------


def test_one_directory_for_each_product_and_list_of_names(kept: Journal) -> None:
    same = kept.directory(PRODUCT, NAMES)
    assert kept.directory(PRODUCT.lower(), NAMES) == same
    assert kept.directory(PRODUCT, NAMES[::-1]) == same  # else there were two locks for one order
    assert Path(same).name.startswith(min(NAMES) + "-")
    others = [
        ("OTHER", NAMES),
        (PRODUCT, NAMES[:1]),
        (PRODUCT, (*NAMES, "shop.alpha.test")),
        (PRODUCT, ("*.alpha.test",)),
    ]
    assert len({same, *(kept.directory(product, names) for product, names in others)}) == 5


def test_the_order_of_names_does_not_matter(kept: Journal) -> None:
    """But for the readable part, which is the domain."""
    digest = [Path(kept.directory(PRODUCT, names)).name.rpartition("-")[2] for names in (NAMES, NAMES[::-1])]
    assert digest[0] == digest[1]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "*.alpha.test", "x" * 300, "a\nb"])
def test_no_name_leaves_the_journal(kept: Journal, name: str) -> None:
    found = Path(kept.directory(PRODUCT, (name,)))
    assert found.parent == Path(kept.path) / "purchases"
    assert os.path.normpath(found) == str(found)


def test_life(kept: Journal) -> None:
    """intent, unknown, placed: one file, each time written anew; the next purchase is the next file."""
    made = record(kept, purchase(public_key="a" * 64, seen=(1, 2)))
    assert made.number == 1
    for state, order_id in (("unknown", None), ("placed", 7)):
        record(kept, replace(made, state=state, order_id=order_id))
        (found,) = kept.purchases(PRODUCT, NAMES)
        assert (found.state, found.order_id, found.seen, found.public_key) == (state, order_id, (1, 2), "a" * 64)
    assert record(kept, purchase()).number == 2
    assert [each.number for each in kept.purchases(PRODUCT, NAMES)] == [1, 2]


def test_what_is_on_disk(kept: Journal) -> None:
    record(kept, purchase(public_key="a" * 64))
    found = json.loads(only_file(kept).read_bytes())
    assert found["version"] == 1
    assert (found["api_url"], found["state"], found["names"]) == (URL, "intent", list(NAMES))
    assert stat.S_IMODE(only_file(kept).stat().st_mode) == 0o600
    for directory in (only_file(kept).parent, only_file(kept).parents[1], Path(kept.path)):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_nothing_is_there(kept: Journal) -> None:
    assert kept.purchases(PRODUCT, NAMES) == []
    assert kept.bought_within(timedelta(days=1)) == 0
    assert kept.note(7) == Note(URL)


def test_the_intent_is_durable(kept: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before it has its name, its directory afterwards."""
    calls: list[str] = []
    for name in ("fsync", "rename"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, real=real: (calls.append(name), real(*given))[1])
    Path(kept.path).mkdir(0o700)
    with kept.lock(PRODUCT, NAMES, 1):
        calls.clear()
        kept.begin(purchase(), 10)
    assert calls == ["fsync", "rename", "fsync"]


def test_only_its_own_files_count(kept: Journal) -> None:
    record(kept, purchase())
    place = only_file(kept).parent
    for name in ("0002.json.bak", ".0002.json.new", "2.json", "00002.json", "notes.txt"):
        (place / name).write_text("{")
    assert len(kept.purchases(PRODUCT, NAMES)) == 1


def test_it_is_full_one_day(kept: Journal) -> None:
    record(kept, purchase())
    only_file(kept).rename(only_file(kept).with_name("9999.json"))
    with pytest.raises(StateError, match="is full"):
        record(kept, purchase())


def test_notes(kept: Journal) -> None:
    note = Note(URL, {"key": "k", "since": iso(NOW), "serial": "a1"}, None, {"state": "published"}, "a1")
    kept.save_note(7, note)
    assert kept.note(7) == note
    assert kept.note(8) == Note(URL)


def test_locks(kept: Journal, clock: FakeClock) -> None:
    """One run at a time for a subject; others do not wait for it."""
    with kept.lock(PRODUCT, NAMES, 1):
        with kept.lock(PRODUCT, ("other.test",), 1):
            pass
        with pytest.raises(LockedError), kept.lock(PRODUCT, NAMES, 5):
            pass
    assert 4.9 < sum(clock.sleeps) < 5.1
    with kept.lock(PRODUCT, NAMES, 1):
        pass


# --- what is in them --------------------------------------------------------------------------------------------------


def states(*values: Any) -> list[Purchase]:
    return [purchase(state, order_id=order_id) for state, order_id in values]


@pytest.mark.parametrize(
    ("values", "abandoned", "order_id"),
    [
        ([], [], None),
        ([("placed", 7)], [], 7),
        ([("placed", 7), ("placed", 8)], [], 8),
        ([("placed", 7), ("placed", 8)], [8], 7),
        ([("placed", 7), ("placed", 8)], [7, 8], None),
        ([("placed", 7), ("refused", None)], [], 7),
        ([("placed", 7), ("lost", None), ("unknown", None)], [], 7),
        ([("intent", None)], [], None),
    ],
)
def test_settled(values: Any, abandoned: list[int], order_id: int | None) -> None:
    found = journal.settled(states(*values), abandoned)
    assert (found.order_id if found else None) == order_id


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([], None),
        ([("intent", None)], "intent"),
        ([("placed", 7), ("unknown", None)], "unknown"),
        ([("lost", None), ("refused", None), ("placed", 7)], None),
    ],
)
def test_unresolved(values: Any, state: str | None) -> None:
    found = journal.unresolved(states(*values))
    assert (found.state if found else None) == state


@pytest.mark.parametrize(
    ("state", "years", "days", "abandoned", "early"),
    [
        ("placed", 1, 182, [], True),
        ("placed", 1, 183, [], False),
        ("placed", 3, 547, [], True),
        ("placed", 3, 548, [], False),
        ("placed", None, 182, [], True),
        ("placed", 1, 10, [7], False),
        ("placed", 1, 10, [8], True),
        ("placed", 1, -400, [], True),  # from the future: a clock is or was wrong
        ("refused", 1, 0, [], False),
        ("lost", 1, 0, [], False),
    ],
)
def test_too_soon(state: str, years: int | None, days: float, abandoned: list[int], early: bool) -> None:
    made = purchase(state, years=years, order_id=7 if state == "placed" else None)
    found = journal.too_soon([made], NOW + timedelta(days=days), abandoned)
    assert (found is made) is early


def test_what_was_adopted_is_not_too_soon() -> None:
    """It was placed from elsewhere: its own term says when the next one is due."""
    assert journal.too_soon([purchase("placed", order_id=7, adopted=True)], NOW) is None


@pytest.mark.parametrize(
    ("state", "counts"),
    [("intent", 1), ("unknown", 1), ("placed", 1), ("refused", 0), ("lost", 0)],
)
def test_what_counts_for_the_day(kept: Journal, clock: FakeClock, state: str, counts: int) -> None:
    order_id = 7 if state == "placed" else None
    record(kept, purchase(state, order_id=order_id))
    record(kept, replace(purchase("placed", order_id=8, adopted=True), names=("other.test",)))
    assert kept.bought_within(timedelta(days=1)) == counts
    clock.sleep(86400)
    assert kept.bought_within(timedelta(days=1)) == counts
    clock.sleep(1)
    assert kept.bought_within(timedelta(days=1)) == 0


def test_the_limit_of_a_day(kept: Journal, clock: FakeClock) -> None:
    for number in range(3):
        made = replace(purchase(), names=(f"a{number}.test",), since=iso(clock.now()))
        with kept.lock(made.product_code, made.names, 1):
            if number < 2:
                kept.begin(made, 2)
                continue
            with pytest.raises(StateError) as refused:
                kept.begin(made, 2)
    assert refused.value.message == (
        "1 orders would be placed, and 2 were begun in the last 24 hours: more than max_orders_per_day allows (2)"
    )
    assert len(list(Path(kept.path).glob("purchases/*/*.json"))) == 2


def test_digests_tell_no_secret() -> None:
    one, other = journal.digest({"a": 1, "b": "canary"}), journal.digest({"b": "canary", "a": 1})
    assert one == other != journal.digest({"a": 1, "b": "other"})
    assert "canary" not in one
    assert len(one) == 64


# --- files that are not ours, or damaged ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": 2}, "is of version 2, not 1"),
        ({"version": None}, "is of version None, not 1"),
        ({"version": "1"}, "is of version '1', not 1"),
        (
            {"api_url": "https://www.sslmarket.cz/api"},
            "belongs to https://www.sslmarket.cz/api, not https://market.test/api",
        ),
        ({"api_url": None}, "belongs to None, not"),
        ({"state": "paid"}, "has members that make no sense"),
        ({"state": ["placed"]}, "has members that make no sense"),
        ({"state": "placed"}, "has members that make no sense"),  # without a number
        ({"order_id": 7}, "has members that make no sense"),  # an intent has none
        ({"state": "lost", "order_id": 7}, "has members that make no sense"),
        ({"state": "refused", "order_id": 7}, "has members that make no sense"),
        ({"state": "placed", "order_id": "7"}, "has members that make no sense"),
        ({"state": "placed", "order_id": True}, "has members that make no sense"),
        ({"seen": [1, "2"]}, "has members that make no sense"),
        ({"seen": 5}, "has not the members it should have"),
        ({"names": []}, "has members that make no sense"),
        ({"names": [1]}, "has members that make no sense"),
        ({"names": None}, "has not the members it should have"),
        ({"names": ["other.test"]}, "is for another product or other names"),
        ({"product_code": "OTHER"}, "is for another product or other names"),
        ({"product_code": 7}, "has members that make no sense"),
        ({"public_key": ["a"]}, "has members that make no sense"),
        ({"since": "yesterday"}, "has not the members it should have"),
        ({"since": "2026-11-22T10:00:00"}, "has not the members it should have"),  # no zone
        ({"since": None}, "has not the members it should have"),
        ({"looked": "soon"}, "has not the members it should have"),
        ({"years": "1"}, "has members that make no sense"),
        ({"adopted": "no"}, "has members that make no sense"),
        ({"number": 2}, "has members that make no sense"),  # of another file
        ({"number": None}, "has members that make no sense"),
    ],
)
def test_what_makes_no_sense(kept: Journal, changes: dict[str, Any], told: str) -> None:
    record(kept, purchase())
    path = only_file(kept)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))
    with pytest.raises(StateError) as refused:
        kept.purchases(PRODUCT, NAMES)
    assert told in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("member", [*Purchase.__dataclass_fields__, "version"])
def test_a_missing_member(kept: Journal, member: str) -> None:
    record(kept, purchase())
    path = only_file(kept)
    path.write_text(json.dumps({name: each for name, each in json.loads(path.read_bytes()).items() if name != member}))
    with pytest.raises(StateError):
        kept.purchases(PRODUCT, NAMES)


def test_a_member_more_is_no_harm(kept: Journal) -> None:
    record(kept, purchase())
    path = only_file(kept)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "comment": "looked at by Ada"}))
    assert len(kept.purchases(PRODUCT, NAMES)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b" " * (1024 * 1024 + 1)])
def test_no_json(kept: Journal, content: bytes) -> None:
    record(kept, purchase())
    only_file(kept).write_bytes(content)
    with pytest.raises(StateError):
        kept.purchases(PRODUCT, NAMES)
    with pytest.raises(StateError):
        kept.bought_within(timedelta(days=1))


@pytest.mark.parametrize("member", ["reissue", "revoked", "row"])
@pytest.mark.parametrize("value", [1, "x", [], True])
def test_a_note_that_makes_no_sense(kept: Journal, member: str, value: Any) -> None:
    kept.save_note(7, Note(URL))
    path = Path(kept.path) / "orders" / "7" / "note.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), member: value}))
    with pytest.raises(StateError, match="has members that make no sense"):
        kept.note(7)


# --- a journal that was changed, and an order that is paid for ---------------------------------------------------------


def options(desk: Desk) -> dict[str, Any]:
    """As eager to buy as the module can be made."""
    return desk.order(NAME, on_unknown="resubmit", quiet_period=60, max_orders_per_day=1000)


def bought(tmp_path: Path, state: str) -> Desk:
    """An order is booked, and the journal says so, or does not know."""
    desk = Desk(tmp_path / state)
    if state == "unknown":
        desk.fault("POST /order", lost(OutcomeUnknown("cut off")))
    if state == "intent":
        desk.fault("POST /order", lost(Killed()))  # type: ignore[arg-type]
        with pytest.raises(Killed):
            desk.call("sslmarket_order", options(desk))
    else:
        desk.call("sslmarket_order", options(desk))
    if state == "placed":
        desk.call("sslmarket_certificate", desk.certificate(NAME))
    found = json.loads(next(desk.journal.glob("purchases/*/0001.json")).read_bytes())
    assert (found["state"], desk.posts, desk.booked) == (state, 1, 1)
    return desk


WRONG: list[Any] = [None, [], {}, "", True, False, -1, 0, 1.5, "x", [1, "a", None], {"a": 1}, 10**30, float("nan")]
LIES: dict[str, list[Any]] = {
    "state": ["refused", "lost", "intent", "unknown", "placed"],
    "order_id": [1, 999, 10**17, -1, 0],
    "since": ["1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z"],
    "looked": ["1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z"],
    "public_key": ["f" * 64, "", None],
    "seen": [[100001], [1, 2]],
    "number": [0, 2, 77, -3],
    "years": [0, 50, -1],
    "names": [["www.alpha.test", "x.test"], ["x.test"]],
    "product_code": ["OTHER", PRODUCT.lower()],
    "adopted": [True],
    "version": [0, 2, "1", 99],
    "api_url": ["https://market.test", "https://other.test/api"],
}


def flip(path: Path, dice: random.Random, times: int = 1) -> None:
    content = bytearray(path.read_bytes())
    for _time in range(times):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def member(path: Path, dice: random.Random, values: dict[str, list[Any]] | None) -> None:
    found = json.loads(path.read_bytes())
    name = dice.choice(sorted(values or found))
    found[name] = dice.choice(values[name] if values else WRONG)
    path.write_text(json.dumps(found))


def missing(path: Path, dice: random.Random) -> None:
    found = json.loads(path.read_bytes())
    del found[dice.choice(sorted(found))]
    path.write_text(json.dumps(found))


def moved(path: Path, put: Callable[[Path, Path], Any]) -> None:
    away = path.with_name("away")
    path.rename(away)
    put(path, away)


def directory_is_a_file(path: Path, _dice: random.Random) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("")


MUTATIONS: dict[str, Callable[[Path, random.Random], Any]] = {
    "flip": flip,
    "flips": lambda path, dice: flip(path, dice, dice.randrange(2, 20)),
    "truncate": lambda path, dice: os.truncate(path, dice.randrange(path.stat().st_size)),
    "wrong type": lambda path, dice: member(path, dice, None),
    "lie": lambda path, dice: member(path, dice, LIES),
    "missing": missing,
    "garbage": lambda path, dice: path.write_bytes(dice.randbytes(500)),
    "link": lambda path, _dice: moved(path, lambda here, away: here.symlink_to(away)),
    "dangling": lambda path, _dice: moved(path, lambda here, _away: here.symlink_to("nowhere")),
    "directory": lambda path, _dice: moved(path, lambda here, _away: here.mkdir()),
    "pipe": lambda path, _dice: moved(path, lambda here, _away: os.mkfifo(here)),
    "gone": lambda path, _dice: path.unlink(),
    "all gone": lambda path, _dice: shutil.rmtree(path.parents[2]),
    "a file in the place of its directory": directory_is_a_file,
    "another file besides": lambda path, dice: path.with_name("0002.json").write_bytes(dice.randbytes(50)),
}
MANY = 600


def test_no_mutated_journal_buys(tmp_path: Path) -> None:
    """Three runs each, hours apart, with every permission to buy: what is paid for is found, or the run stops."""
    kinds: Counter[str] = Counter()
    told: Counter[str] = Counter()
    runs = 0
    for state in ("intent", "unknown", "placed"):
        desk = bought(tmp_path, state)
        backup, start = desk.directory / "backup", desk.clock.passed
        shutil.copytree(desk.journal, backup)
        for number in range(MANY // 3):
            dice = random.Random(f"20261122/{state}/{number}")
            shutil.rmtree(desk.journal, ignore_errors=True)
            shutil.copytree(backup, desk.journal)
            kind = dice.choice(sorted(MUTATIONS))
            MUTATIONS[kind](next(desk.journal.glob("purchases/*/0001.json")), dice)
            desk.clock.passed = start
            for _run in range(3):
                desk.clock.sleep(5 * HOUR)
                done = desk.call("sslmarket_order", options(desk))
                runs += 1
                assert (desk.posts, desk.booked) == (1, 1), (state, kind, number)
                assert done.kind != "internal", (kind, done.result["msg"])
                told[done.kind or "went on"] += 1
            kinds[kind] += 1
    print(f"\nmutated journals {sum(kinds.values())}, kinds {len(kinds)}, runs {runs}, orders bought 0; {dict(told)}")
    assert sum(kinds.values()) == MANY >= 200
    assert set(kinds) == set(MUTATIONS)
    assert told["state"] > MANY


# --- a journal that cannot be written ---------------------------------------------------------------------------------


def points(tmp_path: Path, failure: Callable[[], BaseException]) -> list[tuple[int, Desk, Any]]:
    """One run for each call that can fail, and what it said; the desks are as they were left."""
    found: list[tuple[int, Desk, Any]] = []
    while True:
        at = len(found) + 1
        desk = Desk(tmp_path / str(at))
        desk.csr(NAME)
        with failing(desk, at, failure()) as calls:
            try:
                done: Any = desk.call("sslmarket_order", options(desk))
            except Killed:
                done = None
        if calls[0] < at:
            return found
        found.append((at, desk, done))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_no_purchase_on_a_full_disk(tmp_path: Path, code: int) -> None:
    """Whichever call fails: before the purchase nothing is sent; after it the next run finds the order."""
    unsent = sent = 0
    for at, desk, done in points(tmp_path, lambda: OSError(code, os.strerror(code))):
        assert done.failed, at
        assert done.kind == "state", done.result
        assert desk.posts == desk.booked
        unsent, sent = unsent + (not desk.posts), sent + desk.posts
        for _run in range(3):  # an intent that was only not synced counts as sent
            again = desk.call("sslmarket_order", options(desk))
            desk.clock.sleep(5 * HOUR)
        assert not again.failed, again.result
        assert (desk.posts, desk.booked) == (1, 1), at
    print(
        f"\n{os.strerror(code)}: {unsent + sent} calls failed, {unsent} before the purchase, {sent} after it; bought twice 0"
    )
    assert unsent >= 10
    assert sent >= 5


def test_killed_at_every_call(tmp_path: Path) -> None:
    found = points(tmp_path, Killed)
    for at, desk, done in found:
        assert done is None
        for _run in range(3):
            desk.call("sslmarket_order", options(desk))
            desk.clock.sleep(5 * HOUR)
        assert desk.booked == desk.posts == 1, at
        assert desk.call("sslmarket_order", options(desk)).result["orders"][0]["order_id"] == desk.newest().id
    print(f"\nkilled at {len(found)} calls: bought twice 0, not bought 0")
    assert len(found) >= 15


@pytest.mark.parametrize("kind", ["file", "file below", "nowhere", "kernel", "dangling"])
def test_no_purchase_without_a_directory(tmp_path: Path, kind: str) -> None:
    """Root may write into every directory, but not into what is none."""
    desk = Desk(tmp_path)
    if kind == "file":
        desk.journal.write_text("")
    elif kind == "file below":
        desk.journal.mkdir()
        (desk.journal / "purchases").write_text("")
    elif kind == "nowhere":
        (tmp_path / "file").write_text("")
        desk.journal = tmp_path / "file" / "journal"
    elif kind == "kernel":
        desk.journal = Path("/proc/journal")
    else:
        desk.journal.symlink_to("nowhere/at/all")
    done = desk.call("sslmarket_order", options(desk))
    assert done.failed
    assert (done.kind, desk.posts) == ("state", 0), done.result


def test_another_account(tmp_path: Path) -> None:
    """A token of another site, a journal that is not for it."""
    desk = bought(tmp_path, "placed")
    path = next(desk.journal.glob("purchases/*/0001.json"))
    path.write_text(path.read_text().replace("market.test", "www.sslmarket.cz"))
    done = desk.call("sslmarket_order", options(desk))
    assert "belongs to https://www.sslmarket.cz/api, not https://market.test/api" in done.result["msg"]
    assert "journal_dir of its own" in done.result["msg"]
    assert desk.posts == 1


def test_another_subject_s_damage_stops_purchases(tmp_path: Path) -> None:
    """The day's limit cannot be kept when a file cannot be read."""
    desk = bought(tmp_path, "placed")
    next(desk.journal.glob("purchases/*/0001.json")).write_text("{")
    done = desk.call("sslmarket_order", desk.order("other.alpha.test"))
    assert done.kind == "state"
    assert desk.posts == 1


def test_times_are_utc(kept: Journal) -> None:
    made = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=2)))
    assert iso(made) == iso(NOW) == record(kept, purchase()).since
