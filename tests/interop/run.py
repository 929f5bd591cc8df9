# SPDX-License-Identifier: Apache-2.0
"""run.py TEST [ARGUMENT...]: runs one of these test files with the Python of RESPOOL_VENV_PYTHON, which has pyarrow."""

import os
import sys

if __name__ == "__main__":
    python = os.environ.get("RESPOOL_VENV_PYTHON")
    if not python:
        print("interop: skipped, RESPOOL_VENV_PYTHON is not set")
        sys.exit(77)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.stdout.flush()
    os.execv(python, [python, "-B", "-X", "faulthandler", os.path.join(here, sys.argv[1]), *sys.argv[2:]])
