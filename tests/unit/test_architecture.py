# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/development/architecture.md, read from the source."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
FILES = sorted(path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py")
UTILS = [path for path in FILES if MODULE_UTILS in path.parents]
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
NAMES = [str(path.relative_to(PLUGINS)) for path in FILES]

# A layer may import from itself and from what is further down.
LAYERS = [
    {"modules", "action", "lookup", "filter", "plugin_utils"},
    {"_status", "_report", "_hosted"},
    {"_sslcom", "_sslmarket", "_identrust", "_acme", "_sets", "_deploy", "_fleet", "_ocsp", "_decode", "_planner"},
    {"_x509", "_http", "_tls"},
    {"_renewal"},
    {"_core"},
]
# orders are for certificate sets, and the inventory has contacts for them; nobody else of that layer knows a neighbour
NEIGHBOURS = {("_acme", "_sets"), ("_sslmarket", "_sets"), ("_fleet", "_sslmarket"), ("_ocsp", "_sslmarket")}
NEIGHBOURS |= {("_decode", "_sslmarket")}  # the provider has decoders, too
NEIGHBOURS |= {("_planner", "_sets")}  # a plan begins with the certificates of today
NEIGHBOURS |= {("_status", "_hosted")}  # what hosts that renew by themselves have noted

LONGEST_FILE = 330
LONGEST_FUNCTION = 50
LONGEST_MODULE = 60  # lines of code: documentation does not count


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path: Path) -> str:
    return str(path.relative_to(PLUGINS))


def part(path: Path) -> str:
    """The box of the drawing that a file is in."""
    parts = path.relative_to(PLUGINS).parts
    return parts[1] if parts[0] == "module_utils" else parts[0]


def level(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Absolute names of what a file imports: ours as part.file, others as they are."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            if node.level and PLUGINS in path.parents:
                parents = path.relative_to(PLUGINS).parent.parts
                base = parents[: len(parents) - node.level + 1]
                prefix = ".".join(["ours", *base, *((node.module or "").split("."))]).rstrip(".")
            else:
                prefix = (node.module or "").replace("ansible_collections.certfleet.reseller.plugins", "ours")
            for alias in node.names:
                yield f"{prefix}.{alias.name}", node


def ours(path: Path) -> set[str]:
    """The boxes that a file imports from."""
    found = set()
    for name, _node in imports(path):
        pieces = name.split(".")
        if pieces[0] == "ours":
            found.add(pieces[2] if pieces[1] == "module_utils" else pieces[1])
    return found


def type_checking(path: Path) -> set[ast.stmt]:
    """Statements that only type checkers see."""
    found: set[ast.stmt] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            found |= {statement for statement in ast.walk(node) if isinstance(statement, ast.stmt)}
    return {statement for statement in found if isinstance(statement, (ast.Import, ast.ImportFrom))}


def only_types(path: Path) -> set[str]:
    return {ast.unparse(statement) for statement in type_checking(path)}


# --- layers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_arrows_point_down(path: Path) -> None:
    here = part(path)
    for there in ours(path) - {here}:
        assert level(there) >= level(here), f"{here} -> {there}"
        if level(there) == level(here) and level(here) > 0:
            assert (here, there) in NEIGHBOURS, f"{here} -> {there}: neighbours"


def test_the_drawing_has_every_package_in_its_place() -> None:
    page = (ROOT / "docs" / "development" / "architecture.md").read_text(encoding="utf-8")
    drawing = page.split("## Layers")[1].split("Arrows point down only")[0].splitlines()
    drawn = [(name, number) for number, line in enumerate(drawing) for name in re.findall(r"(?<!\w)_[a-z0-9]+", line)]
    packages = {part(path) for path in UTILS}
    assert sorted(name for name, _number in drawn) == sorted(packages)
    assert {name for names in LAYERS for name in names if name.startswith("_")} == packages
    line = dict(drawn)
    for path in UTILS:
        for there in ours(path) - {part(path)}:
            assert line[there] > line[part(path)], f"{short(path)} imports from {there}"


PROGRAMS = sorted((ROOT / "roles").glob("*/files/**/*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=[str(path.relative_to(ROOT / "roles")) for path in PROGRAMS])
def test_programs_of_roles_stand_alone(path: Path) -> None:
    """The sandbox shares nothing with what it tests, and the hook is installed without Ansible."""
    assert not {name.split(".")[0] for name, _node in imports(path)} & {
        "ansible",
        "ansible_collections",
        "ours",
        "tests",
    }


def users(*libraries: str) -> dict[str, set[str]]:
    """Which files import a library, type checkers' imports aside."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        for name, node in imports(path):
            if name.split(".")[0] in libraries and ast.unparse(node) not in only_types(path):
                found.setdefault(short(path), set()).add(name)
    return found


def test_requests_has_one_user() -> None:
    found = users("requests", "urllib3")
    assert set(found) == {"module_utils/_http/session.py"}


def test_no_other_way_to_the_network() -> None:
    found = users("urllib", "http", "socket", "ssl", "httpx", "aiohttp", "ftplib", "smtplib", "telnetlib")
    found = {name: {each for each in names if not each.startswith("urllib.parse")} for name, names in found.items()}
    # hosts prove by a handshake what they serve, with the standard library alone; servers that certificates name are judged by the
    # address that a socket is connected to; a handshake in memory goes nowhere
    own = {"module_utils/_tls/peer.py", "module_utils/_tls/stream.py"}
    own |= {"module_utils/_hosted/ari.py"}  # two GETs of hosts, which have the standard library alone
    own |= {"module_utils/_ocsp/dial.py", "module_utils/_ocsp/transport.py"}
    own |= {"module_utils/_http/session.py"}  # the name of an error
    assert {name for name, names in found.items() if names - {"ssl"}} == own
    for path in FILES:
        if "ssl" in found.get(short(path), ()) and path.name not in ("peer.py", "dial.py", "memory.py", "ari.py"):
            assert {call for call in calls(path) if call.startswith("ssl.")} <= {"ssl.PEM_cert_to_DER_cert"}


def test_nobody_uses_ansible_s_http_helpers() -> None:
    assert not [name for path in FILES for name, _node in imports(path) if name.startswith("ansible.module_utils.urls")]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_libraries_are_imported_where_they_are_used(path: Path) -> None:
    """Not at the top: a run that a record decides does not pay for them, and a missing one becomes one sentence."""
    allowed = only_types(path)
    for node in tree(path).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and ast.unparse(node) not in allowed:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name.split(".")[0] not in ("requests", "urllib3", "cryptography", "acme", "josepy", "idna")


def words(path: Path) -> set[str]:
    """Names, attributes, keywords and texts that are a word: what a rule about a name can look at."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.keyword):
            found.add(node.arg or "")
    return found


def test_the_engine_alone_ends_modules() -> None:
    wanted = {"check_mode", "exit_json", "fail_json", "_diff", "AnsibleModule"}
    found = {short(path): words(path) & wanted for path in FILES}
    found = {name: hits for name, hits in found.items() if hits and not name.startswith("action/")}
    assert set(found) == {"module_utils/_core/engine.py"}


def calls(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}


def test_the_clock_alone_knows_the_time() -> None:
    for path in FILES:
        if short(path) == "module_utils/_core/clock.py":
            continue
        assert not {name for name, _node in imports(path) if name == "time" or name.startswith("time.")}, short(path)
        for call in calls(path):
            assert not re.search(r"\b(datetime|date)\.(now|utcnow|today|fromtimestamp)$|^now$", call), (
                f"{short(path)}: {call}"
            )


WRITING = re.compile(
    r"^os\.(write|rename|replace|unlink|remove|mkdir|makedirs|chmod|chown|symlink|link|truncate|rmdir)$"
    r"|^open$|^shutil\.|^tempfile\.|TemporaryFile$|mkstemp$|mkdtemp$|\.write_(text|bytes)$|atomic_move$"
)
# the output of a command goes to a file without a name: a pipe would wait for whatever the command started
WITHOUT_A_NAME = {("module_utils/_deploy/commands.py", "TemporaryFile")}


def test_files_alone_writes() -> None:
    """The content and the names of files; owners and modes are given by descriptor elsewhere too."""
    for path in FILES:
        if short(path) == "module_utils/_core/files.py":
            continue
        found = {call for call in calls(path) if WRITING.search(call) and (short(path), call) not in WITHOUT_A_NAME}
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.open":
                found |= set(re.findall(r"O_(?:CREAT|WRONLY|RDWR|TRUNC|APPEND)", ast.unparse(node)))
        assert not found, f"{short(path)}: {found}"


def test_no_shell() -> None:
    """Text of a provider never meets a shell, an evaluator or a template."""
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in (
                    "eval",
                    "exec",
                    "os.system",
                    "os.popen",
                    "__import__",
                    "pickle.loads",
                    "yaml.load",
                ), short(path)
                shell = [word.value for word in node.keywords if word.arg in ("shell", "use_unsafe_shell")]
                assert all(isinstance(value, ast.Constant) and value.value is False for value in shell), short(path)


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", UTILS, ids=map(short, UTILS))
def test_size_of_files(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    limit = LARGER.get(short(path), LONGEST_FILE)
    assert lines <= limit, f"{lines} lines"


# still to be split, or one thing that reads better in one piece: they may shrink, not grow
LARGER: dict[str, int] = {}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_size_of_functions(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno + 1 <= LONGEST_FUNCTION, node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_size_of_modules(path: Path) -> None:
    """Documentation, a spec and one call: an `if` in a module is in the wrong file."""
    body = tree(path)
    code = [node for node in body.body if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper())]
    lines = sum((node.end_lineno or 0) - node.lineno + 1 for node in code)
    assert lines <= LONGEST_MODULE
    (main,) = (node for node in code if isinstance(node, ast.FunctionDef))
    assert main.name == "main"
    assert len(main.body) == 1
    assert not [node for node in ast.walk(main) if isinstance(node, (ast.If, ast.For, ast.While, ast.Try, ast.IfExp))]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_file_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in text
    assert ast.get_docstring(tree(path))
    assert "from __future__ import annotations" in text


# --- options and results ----------------------------------------------------------------------------------------------

SECRET_NAMES = re.compile(r"pass|secret|token|key|hmac|credential|authorization|pin$|private", re.IGNORECASE)
SECRETS = {"account_key", "secret_key", "api_key", "access_token", "client_secret", "api_token", "voucher"}
SECRETS |= {"keystore_password"}
SECRETS |= {"contents"}  # private keys among them, given by the action plugin
SECRETS |= {"files", "dns_settings"}  # of host_renewal: account keys, and what a DNS provider wants

OPEN = {("validation_file", "files")}  # what a web server shows to everybody


def spec_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    module = importlib.import_module(f"ansible_collections.certfleet.reseller.plugins.modules.{path.stem}")
    engine = importlib.import_module("ansible_collections.certfleet.reseller.plugins.module_utils._core.engine")
    caught: dict[str, Any] = {}

    def catch(_factory: Any, **spec: Any) -> None:
        caught.update(spec)

    monkeypatch.setattr(engine, "run", catch)
    monkeypatch.setattr(engine, "run_info", catch)
    module.main()
    found: dict[str, Any] = caught["argument_spec"]
    return found


def walk(options: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, option in options.items():
        yield name, option
        yield from walk(option.get("options") or {})


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_option_is_marked_secret_or_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, option in walk(spec_of(path, monkeypatch)):
        if name in SECRETS and (path.stem, name) not in OPEN:
            assert option.get("no_log") is True, name
        elif (
            SECRET_NAMES.search(name)
            and option.get("type", "str") in ("str", "int", "raw", "jsonarg")
            and "choices" not in option
        ):
            assert option.get("no_log") is False, f"{name}: say no_log in so many words"
        else:
            assert not option.get("no_log"), (
                f"{name}: a new secret belongs into the list above and into the canary tests"
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_results_are_documented(path: Path) -> None:
    module = importlib.import_module(f"ansible_collections.certfleet.reseller.plugins.modules.{path.stem}")
    documented = yaml.safe_load(module.RETURN)
    changing = "engine.run(" in path.read_text(encoding="utf-8")
    assert not changing or {"steps", "reason"} <= set(documented)
    for name, entry in walk_results(documented):
        assert entry.get("description"), name
        assert entry.get("type"), name


def walk_results(entries: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in entries.items():
        yield name, entry
        yield from walk_results(entry.get("contains") or {})


# --- fixtures ---------------------------------------------------------------------------------------------------------


def test_every_sample_has_its_source() -> None:
    for provider in ("sslcom", "identrust", "sslmarket"):
        folder = ROOT / "tests" / "fixtures" / provider
        told = (folder / "SOURCES.md").read_text(encoding="utf-8")
        assert re.search(r"As of 20\d\d-\d\d", told)
        for sample in folder.glob("*.json"):
            assert f"`{sample.name}`" in told
