"""What every test starts from."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # kafka-python reads its schemas with deprecated functions of the standard library.
    config.addinivalue_line(
        "filterwarnings", "ignore:(read|open)_text is deprecated:DeprecationWarning"
    )
