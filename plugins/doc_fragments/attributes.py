# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of the modules. A module names the fragment and overrides what is different for it.

.. code-block:: yaml

    extends_documentation_fragment:
      - certfleet.reseller.attributes             # check_mode, diff_mode, idempotent, platform
      - certfleet.reseller.attributes.controller  # where it runs: on the controller,
      - certfleet.reseller.attributes.host        # or on managed hosts
      - certfleet.reseller.attributes.info        # instead of the first one, for modules that only look
      - certfleet.reseller.attributes.action      # it has an action plugin
      - certfleet.reseller.attributes.action_group_acme  # it is in an action group (also _sslcom, _identrust, _sslmarket, _all)
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - The prediction is the plan that the real run carries out.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
    details:
      - Secrets are never part of the difference.
  idempotent:
    description: >-
      When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    description: >-
      When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - This action does not modify state.
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
"""

    CONTROLLER = r"""
options: {}
requirements:
  - Python 3.11 or newer
notes:
  - Run it on the controller, with C(delegate_to=localhost) and C(run_once=true) or in a play on C(localhost).
"""

    HOST = r"""
options: {}
requirements:
  - Python 3.8 or newer, with nothing but its standard library
"""

    ACTION = r"""
options: {}
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
"""

    ACTION_GROUP_SSLCOM = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/certfleet.reseller.sslcom) or C(group/certfleet.reseller.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - certfleet.reseller.sslcom
      - certfleet.reseller.all
"""

    ACTION_GROUP_IDENTRUST = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/certfleet.reseller.identrust) or C(group/certfleet.reseller.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - certfleet.reseller.identrust
      - certfleet.reseller.all
"""

    ACTION_GROUP_SSLMARKET = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/certfleet.reseller.sslmarket) or C(group/certfleet.reseller.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - certfleet.reseller.sslmarket
      - certfleet.reseller.all
"""

    ACTION_GROUP_ACME = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/certfleet.reseller.acme) or C(group/certfleet.reseller.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - certfleet.reseller.acme
      - certfleet.reseller.all
"""

    ACTION_GROUP_ALL = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/certfleet.reseller.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - certfleet.reseller.all
"""
