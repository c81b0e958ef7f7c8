"""What the tests of dashboards, rules, runbook and deployment share: tools, or a reason to skip."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the folder is no package


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Find a program that `make deploy-tools` installs; CI has all of them, so there it must."""

    def find(name: str) -> str:
        own = Path(sys.executable).parent / name
        found = str(own) if own.exists() else shutil.which(name)
        if found is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(
                f"{name} is not installed: make deploy-tools"
            )
        return found

    return find
