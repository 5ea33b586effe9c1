# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings for the documentation site; tools/docs.py builds it, from loopback alone."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes

release = yaml.safe_load(Path(__file__).parents[2].joinpath("galaxy.yml").read_text(encoding="utf-8"))["version"]

project = "certfleet.reseller"
copyright = "the certfleet.reseller contributors"
html_title = f"{project} {release}"

extensions = ["sphinx_antsibull_ext"]
nitpicky = True
highlight_language = "YAML+Jinja"
pygments_style = "ansible"
pygments_dark_style = "github-dark"

# furo: has a release for each Sphinx, reads well on telephones and in the dark, and fetches nothing from elsewhere
html_theme = "furo"
# the options' tables follow its switch, too: antsibull's own dark colours, and the theme's lines and backgrounds
DARK = str(pkgutil.get_data("sphinx_antsibull_ext", "colors-default-dark.css"), "utf-8")
TABLES = {
    "antsibull-table-background-even": "var(--color-background-secondary)",
    "antsibull-table-background-odd": "var(--color-background-primary)",
    "antsibull-table-border": "var(--color-background-border)",
}
html_theme_options = {
    "light_css_variables": TABLES,
    "dark_css_variables": dict(re.findall(r"--(antsibull-[\w-]+):([^;}]+)", DARK)) | TABLES,
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False

# --- references to Ansible's own documentation --------------------------------------------------------------------------

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
OF_COLLECTIONS = re.compile(r"ansible_collections\.(?!certfleet\.reseller\.)(\w+)\.(\w+)\.(\w+)")
PAGES = {
    "action_plugins": "plugins/action.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def link(_app: Any, _env: Any, node: Any, content: Any) -> nodes.reference | None:
    """By the label alone: an inventory of intersphinx would have to be fetched in each build."""
    label = node.get("reftarget", "")
    if found := OF_COLLECTIONS.fullmatch(label):
        page = "collections/{}/{}/{}.html".format(*found.groups())
    elif label in PAGES:
        page = PAGES[label]
    else:
        return None  # is missing: a warning, and so an error
    reference = nodes.reference("", "", internal=False, refuri=f"{ANSIBLE}/{page}")
    reference += content
    return reference


def setup(app: Any) -> None:
    app.connect("missing-reference", link)
