"""Stands in for get-pip.py, which ansible-test downloads from ci-files.testing.ansible.com: PyPI alone is enough then.

ansible-test runs it, with the pip it wants as an argument ("pip==25.2"), in a virtual environment without pip. The pip
that comes with Python starts, and replaces itself by the wanted one. Written for every Python that ansible-test knows.
"""

import os
import subprocess
import sys

with open(os.devnull, "w") as nowhere:
    subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=nowhere)
command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
# --no-setuptools and --no-wheel are options of get-pip.py, not of pip
command += [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
# pip before 24.2 looks into its own list of certificate authorities only, the system may know one more
bundle = "/etc/ssl/certs/ca-certificates.crt"
if os.path.exists(bundle):
    command += ["--cert", bundle]
subprocess.check_call(command)
