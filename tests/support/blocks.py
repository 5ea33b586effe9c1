# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code blocks of README, guides, roles' READMEs and plugins' EXAMPLES, and what kind each of them is.

docs/development/docs.md says what is done with each kind.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader

ROOT = Path(__file__).resolve().parents[2]
DIRECTIVE = re.compile(r"^( *)\.\. (code-block|code|sourcecode|literalinclude|parsed-literal)::[ ]*(\S*)")
FENCE = re.compile(r"^( *)```(\S*)$")
LANGUAGES = {
    **dict.fromkeys(("console", "shell", "bash", "sh"), "shell"),
    **{name: name for name in ("text", "nginx", "json")},
    "ini": "hosts",
}
# Variables of other people's roles, which a guide shows in order to replace them.
FOREIGN = ("certbot_",)
VARIABLES = re.compile(r"# (group|host)_vars/")  # the file that the block is, by its first line
VARIABLE = re.compile(r"certfleet_[a-z_]+")


@dataclasses.dataclass(frozen=True)
class Block:
    """`language` is what the text says it is; `line` is where its first line stands."""

    source: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.source}:{self.line}"

    @functools.cached_property
    def value(self) -> Any:
        """Of YAML, as Ansible loads it."""
        return DataLoader().load(self.text, str(ROOT / self.place))

    @functools.cached_property
    def kind(self) -> str:
        """What is done with it; "unknown" if nothing is."""
        if self.language in ("yaml", "yaml+jinja", "yml"):
            return "inventory" if VARIABLES.match(self.text) else yaml_kind(self.value)
        if self.language == "ini" and self.text.startswith("# ansible.cfg\n"):
            return "settings"
        return LANGUAGES.get(self.language, "unknown")


# --- where they are ---------------------------------------------------------------------------------------------------


def all_blocks() -> list[Block]:
    found = markdown("README.md")
    for path in sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst")):
        found += rst(str(path.relative_to(ROOT)))
    for path in sorted(ROOT.glob("roles/*/README.md")):
        found += markdown(str(path.relative_to(ROOT)))
    for pattern in ("plugins/modules/*.py", "plugins/lookup/*.py", "plugins/filter/*.py", "extensions/eda/**/*.py"):
        for path in sorted(ROOT.glob(pattern)):
            found += examples(str(path.relative_to(ROOT)))
    return found


def rst(source: str) -> list[Block]:
    """Blocks of directives, and those after a paragraph that ends with two colons, which have no language."""
    lines, found = (ROOT / source).read_text(encoding="utf-8").split("\n"), []
    for number, line in enumerate(lines):
        match = DIRECTIVE.match(line)
        if match or (line.endswith("::") and not line.lstrip().startswith("..")):
            indent = len(line) - len(line.lstrip())
            found.append(_block(source, lines, number + 1, indent, match[3] if match else "literal"))
    return found


def _block(source: str, lines: list[str], start: int, indent: int, language: str) -> Block:
    """The lines from `start` on that stand further right than `indent`."""
    end = start
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
        end += 1
    inside = lines[start:end]
    while inside and (not inside[0].strip() or re.match(r" *:[a-z-]+:", inside[0])):
        inside, start = inside[1:], start + 1
    return Block(source, start + 1, language, textwrap.dedent("\n".join(inside)).strip("\n") + "\n")


def markdown(source: str) -> list[Block]:
    """Fenced blocks, and indented ones after an empty line, which are commands here."""
    lines, found, number = (ROOT / source).read_text(encoding="utf-8").split("\n"), [], 0
    while number < len(lines):
        if match := FENCE.match(lines[number]):
            end = next(index for index in range(number + 1, len(lines)) if lines[index].strip() == "```")
            text = textwrap.dedent("\n".join(lines[number + 1 : end])) + "\n"
            found.append(Block(source, number + 2, match[2] or "unnamed", text))
            number = end
        elif lines[number].startswith("    ") and not lines[number - 1].strip():
            found.append(_block(source, lines, number, 0, "console"))
            number += len(found[-1].text.split("\n")) - 2
        number += 1
    return found


def examples(source: str) -> list[Block]:
    for node in ast.parse((ROOT / source).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return [Block(source, node.lineno + 1, "yaml", ast.literal_eval(node.value).lstrip("\n"))]
    return []


# --- kinds of YAML ----------------------------------------------------------------------------------------------------


@functools.cache
def role_options() -> dict[str, dict[str, Any]]:
    """The options of all roles, as in their argument specs."""
    found: dict[str, dict[str, Any]] = {}
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            found.update(entry["options"])
    return found


@functools.cache
def shared_variables() -> frozenset[str]:
    """The variables of the inventory that roles, playbooks and rulebooks read."""
    paths = [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("extensions/eda/rulebooks/*")]
    return frozenset(name for path in paths for name in VARIABLE.findall(path.read_text(encoding="utf-8")))


def is_variable(name: str) -> bool:
    return name in role_options() or name in shared_variables()


def yaml_kind(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        names = set().union(*value)
        if "sources" in names and "rules" in names:
            return "rulebook"
        if "alert" in names:
            return "prometheus"
        if "hosts" in names or "import_playbook" in names or "ansible.builtin.import_playbook" in names:
            return "playbook"
        return "roles" if "role" in names else "tasks"
    if isinstance(value, dict):
        return _mapping_kind(set(value))
    return "unknown"


def _mapping_kind(names: set[str]) -> str:
    if names & {"sources", "rules", "action"}:
        return "rulebook"
    if names <= {"collections", "roles"}:
        return "requirements"
    if names <= {"endpoints", "services", "hosts", "domains"}:
        return "certificate"
    if all(name.startswith(FOREIGN) for name in names):
        return "foreign"
    return "inventory" if any(is_variable(name) for name in names) else "unknown"


# --- commands ---------------------------------------------------------------------------------------------------------

PROMPT = re.compile(r"^[$#] ")


def commands(block: Block) -> Iterator[str]:
    """Each command of a shell block, on one line and without its prompt and comment. In a block with prompts other lines are output."""
    text = re.sub(r"\\\n\s*", "", block.text)
    lines = [line for line in text.splitlines() if line.strip()]
    prompts = any(PROMPT.match(line) for line in lines)
    for line in lines:
        if prompts and not PROMPT.match(line):
            continue
        words = shlex.split(PROMPT.sub("", line) if prompts else line, comments=True)
        if words:
            yield re.sub(r"\s+#\s.*$", "", PROMPT.sub("", line) if prompts else line).strip()
