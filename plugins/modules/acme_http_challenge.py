# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""http-01 challenges on web servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_http_challenge
short_description: Publishes http-01 challenges of ACME in a web root
version_added: 1.0.0
description:
  - Writes the files that an ACME server asks for (RFC 8555, section 8.3), or removes them.
  - A file is C(<webroot>/.well-known/acme-challenge/<token>). Tokens come from the ACME server, so they are checked before they become
    file names.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.host
attributes:
  diff_mode:
    details:
      - The files are public, so their content is shown.
options:
  webroot:
    description:
      - Directory that the web server serves under C(http://<name>/). Directories that do not exist are made with mode V(0755).
    type: path
    required: true
  challenges:
    description:
      - The challenges, as M(certfleet.reseller.acme_order) returns them.
    type: list
    elements: dict
    required: true
    suboptions:
      token:
        description:
          - Token of the challenge.
        type: str
        required: true
      content:
        description:
          - Key authorization, which is the token, a dot and the thumbprint of the account key.
          - Needed for O(state=present).
        type: str
      name:
        description:
          - The set it is for. Not used; it is here so that the result of M(certfleet.reseller.acme_order) can be given as it is.
        type: str
      domain:
        description:
          - The domain it is for. Not used, either.
        type: str
  state:
    description:
      - V(present) writes the files.
      - V(absent) removes these files and no others. Directories stay.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - name: RFC 8555
    description: ACME, section 8.3 about http-01.
    link: https://www.rfc-editor.org/rfc/rfc8555#section-8.3
"""

EXAMPLES = r"""
- name: The challenge is published
  certfleet.reseller.acme_http_challenge:
    webroot: /var/www/html
    challenges:
      - token: LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0
        content: LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI

- name: The challenge is gone
  certfleet.reseller.acme_http_challenge:
    webroot: /var/www/html
    challenges:
      - token: LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0
    state: absent
"""

RETURN = r"""
paths:
  description: The files of O(challenges), in the same order.
  returned: success
  type: list
  elements: str
  sample:
    - /var/www/html/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(publish) or V(remove).
      type: str
      sample: publish
    subject:
      description: The file.
      type: str
      sample: /var/www/html/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0
    cost:
      description: Always V(free).
      type: str
      sample: free
reason:
  description: Why there was nothing to do.
  returned: success
  type: str
  sample: every file is as it should be
error:
  description: What failed.
  returned: failure
  type: dict
  sample:
    kind: usage
    status: null
    code: null
    detail: null
    hint: null
"""

from ..module_utils._core import engine
from ..module_utils._deploy.challenge import HttpChallenges

ARGUMENTS = {
    "webroot": {"type": "path", "required": True},
    "challenges": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            # public: the web server hands it to everybody
            "token": {"type": "str", "required": True, "no_log": False},
            "name": {"type": "str"},
            "domain": {"type": "str"},
            "content": {"type": "str"},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    engine.run(HttpChallenges, argument_spec=ARGUMENTS)


if __name__ == "__main__":
    main()
