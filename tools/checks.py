"""checks.py PART... [-- PYTEST-ARGUMENT...]: run parts of the checks; `make test` runs them all.

One line for each check or test suite, the whole output of what failed only (all of it stays in .work/logs), and a
closing line that counts every single test. A failure stops nothing; the exit code is 1 at the end. With
CERTFLEET_NO_SKIP=1 a check whose tool is missing counts as failed.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / ".work"
BIN = pathlib.Path(sys.executable).parent
COLLECTIONS = ROOT / ".venv" / "collections"
LINKED = COLLECTIONS / "ansible_collections" / "certfleet" / "reseller"
NO_SKIP = os.environ.get("CERTFLEET_NO_SKIP") == "1"
CORES = os.cpu_count() or 1
# checks of a part that run side by side
AT_A_TIME = {"lint": min(4, CORES), "static": min(4, CORES), "molecule": min(2, CORES)}
RUNNING: set[int] = set()  # process groups, to be stopped with this process
SHOWN = 20  # failed tests that are named before the counts; the rest is in the output
PARTS = ("lint", "docs", "sanity", "static", "unit", "integration", "kills", "fleet", "page", "molecule", "smoke")
# The fleet needs root and a root file system for its hosts, the page a Chromium; smoke is a choice among the others.
# The static checks are lint, docs and sanity in one.
ALL = ("static", "unit", "integration", "kills", "molecule")


@dataclasses.dataclass(frozen=True)
class Check:
    name: str
    command: list[str]
    cwd: pathlib.Path = ROOT
    seconds: int = 300
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    report: pathlib.Path | None = None  # junit XML with single tests, for pytest
    skip: str = ""


@dataclasses.dataclass
class Result:
    check: Check
    output: str = ""
    seconds: float = 0.0
    passed: int = 0
    failed: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    awaited: list[str] = dataclasses.field(default_factory=list)  # tests of what is not written yet
    counts: list[str] = dataclasses.field(default_factory=list)  # what tests that count printed


def environment() -> dict[str, str]:
    env = dict(os.environ)
    # Ansible imports its modules again and again: with byte code that takes half the time
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env["PATH"] = f"{BIN}{os.pathsep}{env.get('PATH', os.defpath)}"
    env["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    # what runs on this machine has the packages of .venv, and does not meet a pyenv shim
    env.setdefault("ANSIBLE_PYTHON_INTERPRETER", str(BIN / "python"))
    env["NO_COLOR"] = "1"
    return env


def tool(name: str) -> str:
    return str(BIN / name)


def tracked(*patterns: str) -> list[str]:
    """Files that git has or would take, for tools that do not find theirs themselves."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def shell_scripts() -> list[str]:
    scripts = []
    for name in tracked(":!*.j2"):
        with (ROOT / name).open("rb") as file:
            first = file.readline(80)
        if first.startswith(b"#!") and first.split()[-1].rsplit(b"/", 1)[-1] in (b"sh", b"bash"):
            scripts.append(name)
    return scripts


def lint() -> list[Check]:
    mypy = [tool("mypy"), "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    shellcheck = shutil.which("shellcheck") or ""
    return [
        # the slow ones first, they run side by side
        Check("ansible-lint", [tool("ansible-lint"), "--profile", "production", "--offline", "-q"], seconds=600),
        docs_lint()[0],
        Check(
            "mypy, collection",
            [*mypy, "-p", "ansible_collections.certfleet.reseller.plugins.module_utils"],
            env={"MYPYPATH": str(COLLECTIONS)},
        ),
        Check(
            "mypy, sandbox",
            [*mypy, "-p", "certfleet_sandbox"],
            env={"MYPYPATH": str(ROOT / "roles" / "sandbox" / "files")},
        ),
        Check(
            "mypy, reseller hook",
            [*mypy, "-p", "certfleet_hook"],
            env={"MYPYPATH": str(ROOT / "roles" / "sslcom_reseller_hook" / "files")},
        ),
        Check("mypy, tools", [*mypy, *tracked("tools/*.py", "noxfile.py")], env={"MYPYPATH": str(ROOT / "tools")}),
        Check("ruff check", [tool("ruff"), "check", "--quiet", "."]),
        Check("ruff format", [tool("ruff"), "format", "--check", "--quiet", "."]),
        Check("yamllint", [tool("yamllint"), "--strict", "."]),
        Check("changelog", [tool("antsibull-changelog"), "lint"]),
        Check("troubleshooting guide", [sys.executable, str(ROOT / "tools" / "troubleshooting.py"), "--check"]),
        Check("shellcheck", [shellcheck, *shell_scripts()], skip="" if shellcheck else "shellcheck is not installed"),
        *github(),
    ]


def github() -> list[Check]:
    """GitHub's own files by their schemas, and what is dangerous in workflows."""
    schemas = {
        "github-workflows": ".github/workflows/*.yml",
        "github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",
        "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
        "dependabot": ".github/dependabot.yml",
    }
    command = [tool("check-jsonschema"), "--builtin-schema"]
    checks = [Check(name, [*command, f"vendor.{name}", *tracked(files)]) for name, files in schemas.items()]
    return [*checks, Check("zizmor", [tool("zizmor"), "--offline", "--no-progress", ".github"])]


def docs_lint() -> list[Check]:
    command = [tool("antsibull-docs"), "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=all"]
    # by its linked path: that is where the plugin loader finds it, too
    return [Check("documentation", [*command, "--disallow-unknown-collection-refs", str(LINKED)], seconds=600)]


def docs() -> list[Check]:
    return [Check("documentation site", [sys.executable, str(ROOT / "tools" / "docs.py")])]


def sanity() -> list[Check]:
    return [Check("ansible-test sanity", [sys.executable, str(ROOT / "tools" / "sanity.py")], seconds=1200)]


def static() -> list[Check]:
    """All that runs nothing of the collection; ansible-test keeps one core busy, and takes longest."""
    return [*sanity(), *lint(), *docs()]


def pytest(name: str, *arguments: str, seconds: int) -> Check:
    report = WORK / "reports" / f"{name}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-ra", f"--junitxml={report}", "-o", "junit_logging=system-out"]
    command += arguments
    return Check(f"{name} tests", command, report=report, seconds=seconds)


def unit(extra: list[str]) -> list[Check]:
    return [pytest("unit", "-n", "auto", "tests/unit", *extra, seconds=1500)]


def integration(extra: list[str]) -> list[Check]:
    # a file's tests share a sandbox; a third worker on two cores brings nothing
    return [pytest("integration", "-n", "auto", "--dist", "loadfile", "tests/integration", *extra, seconds=2700)]


def kills(extra: list[str]) -> list[Check]:
    return [pytest("kills", "-n", "auto", "--dist", "worksteal", "tests/faults", *extra, seconds=1500)]


def fleet(extra: list[str]) -> list[Check]:
    reasons = {
        "booting hosts needs the rights of root": os.geteuid() == 0,
        "systemd-nspawn is not installed": shutil.which("systemd-nspawn"),
        "there is no root file system for the hosts yet (`make fleet` makes it)": [*WORK.glob("fleet/root-*.tar")],
    }
    tests = pytest("fleet", "tests/fleet", *extra, seconds=1500)
    return [dataclasses.replace(tests, skip=next((reason for reason, fine in reasons.items() if not fine), ""))]


def page(extra: list[str]) -> list[Check]:
    return [pytest("page", "tests/page", *extra, seconds=600)]


def molecule() -> list[Check]:
    folder = ROOT / "extensions" / "molecule"
    scenarios = sorted(path.parent.relative_to(folder).as_posix() for path in folder.glob("**/molecule.yml"))
    scenarios = [name for name in scenarios if name != "fleet"]  # the fleet's tests run it, on their hosts
    if not scenarios:
        return [Check("molecule", [], skip="no scenario in extensions/molecule")]
    # from the linked path, so that molecule and Ansible agree about where the collection is
    return [
        Check(f"molecule {name}", [tool("molecule"), "test", "-s", name], cwd=LINKED, seconds=600) for name in scenarios
    ]


def smoke() -> list[Check]:
    """The least that shows whether the collection works with another ansible-core, see noxfile.py."""
    return [
        Check("quickstart, thrice", [sys.executable, str(ROOT / "tools" / "demo.py")], seconds=600),
        pytest("hosts", "tests/integration/test_host_pythons.py", seconds=300),
    ]


def run(check: Check) -> Result:
    result = Result(check)
    if check.skip:
        if NO_SKIP:
            result.failed.append(check.name)
            result.output = f"{check.skip} (CERTFLEET_NO_SKIP=1 asks for everything)"
        else:
            result.skipped.append(f"{check.name}: {check.skip}")
        return result
    if check.report:
        check.report.parent.mkdir(parents=True, exist_ok=True)
        check.report.unlink(missing_ok=True)
    log = WORK / "logs" / (re.sub(r"[^a-z0-9]+", "-", check.name.lower()) + ".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    code = execute(check, log)
    result.seconds = time.monotonic() - start
    result.output = log.read_text(encoding="utf-8", errors="replace")
    counted = count(check, result)
    if code and not result.failed:
        result.failed.append(check.name)
    elif not code and not counted:
        result.passed += 1
    result.skipped += [
        f"{check.name}: {reason}" for reason in re.findall(r"^skipped: (.+)$", result.output, re.MULTILINE)
    ]
    return result


def execute(check: Check, log: pathlib.Path) -> int:
    """Run it with its output in a file: a daemon that a test left behind would keep a pipe open for ever."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            check.command,
            cwd=check.cwd,
            env={**environment(), "PWD": str(check.cwd), **check.env},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING.add(process.pid)
        try:
            return process.wait(timeout=check.seconds)
        except subprocess.TimeoutExpired:
            file.write(f"\nStopped: not done after {check.seconds} s.\n".encode())
            # what runs tests and demos cleans up then, and ends the processes that have groups of their own
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, signal.SIGINT)
                process.wait(timeout=30)
            return 1
        finally:
            kill_group(process.pid)
            RUNNING.discard(process.pid)
            process.wait()


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def count(check: Check, result: Result) -> bool:
    """Add up the single tests of a junit report; False when there is none."""
    if not check.report or not check.report.exists():
        return False
    for case in ElementTree.parse(check.report).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed.append(name)
        elif skipped is not None and skipped.get("type") == "pytest.xfail":
            result.awaited.append(f"{name}: {skipped.get('message') or 'no reason given'}")
        elif skipped is not None:
            result.skipped.append(f"{name}: {skipped.get('message') or 'no reason given'}")
        else:
            result.passed += 1
            printed = (case.findtext("system-out") or "").splitlines()
            result.counts += [line.strip() for line in printed if line.strip() and not line.startswith("---")]
    return True


def show(result: Result) -> None:
    state = "FAILED" if result.failed else "ok" if result.passed else "skipped"
    counts = f"  {result.passed} passed" if result.check.report else ""
    counts += f", {len(result.failed)} failed" if result.check.report and result.failed else ""
    counts += f", {len(result.skipped)} skipped" if result.check.report and result.skipped else ""
    counts += f", {len(result.awaited)} awaited" if result.awaited else ""
    print(f"  {state:8}{result.check.name:32}{result.seconds:7.1f} s{counts}", flush=True)
    for name in result.failed[:SHOWN] if result.check.report else ():
        print(f"          {name[:200]}", flush=True)
    for line in result.counts:
        print(f"          {line[:200]}", flush=True)
    if result.failed:
        print("\n".join(f"    | {line}" for line in result.output.strip().splitlines()), flush=True)


def run_part(name: str, checks: list[Check]) -> list[Result]:
    print(f"{name}:", flush=True)
    start = time.monotonic()
    done = threading.Event()

    def beat() -> None:
        while not done.wait(30):
            print(f"          ... {name}, {time.monotonic() - start:.0f} s", flush=True)

    threading.Thread(target=beat, daemon=True).start()
    results = []
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME.get(name, 1)) as pool:
        try:
            for future in concurrent.futures.as_completed([pool.submit(run, check) for check in checks]):
                results.append(future.result())
                show(results[-1])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for pid in tuple(RUNNING):
                kill_group(pid)
            raise
        finally:
            done.set()
    return results


def main(arguments: list[str]) -> int:
    names, extra = arguments, []
    if "--" in arguments:
        place = arguments.index("--")
        names, extra = arguments[:place], arguments[place + 1 :]
    makers = {
        "lint": lint,
        "docs-lint": docs_lint,
        "docs": docs,
        "sanity": sanity,
        "static": static,
        "unit": lambda: unit(extra),
        "integration": lambda: integration(extra),
        "kills": lambda: kills(extra),
        "fleet": lambda: fleet(extra),
        "page": lambda: page(extra),
        "molecule": molecule,
        "smoke": smoke,
    }
    names = [part for name in names for part in (ALL if name == "all" else (name,))]
    if not names or set(names) - set(makers):
        print(f"{__doc__}\nParts: all, {', '.join(makers)}", file=sys.stderr)
        return 2
    start = time.monotonic()
    results: list[Result] = []
    spent: dict[str, float] = {}
    for name in names:
        began = time.monotonic()
        results += run_part(name, makers[name]())
        spent[name] = time.monotonic() - began
    skipped = [reason for result in results for reason in result.skipped]
    awaited = [reason for result in results for reason in result.awaited]
    failed = [name for result in results for name in result.failed]
    print(f"\nAfter {time.monotonic() - start:.0f} s; the output of everything is in .work/logs.")
    for name, seconds in spent.items():
        print(f"  {name:12}{seconds:6.0f} s")
    for reason in skipped:
        print(f"  skipped  {reason}")
    for reason in awaited:
        print(f"  awaited  {reason}")
    for name in failed:
        print(f"  FAILED   {name}")
    passed = sum(result.passed for result in results)
    more = f", {len(awaited)} awaited" if awaited else ""
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped{more}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
