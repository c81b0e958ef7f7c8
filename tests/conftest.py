"""What every test starts from."""

import warnings

# kafka-python reads its schemas with functions of the standard library that Python 3.11 calls
# deprecated: once, when it is imported.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "(read|open)_text is deprecated", DeprecationWarning)
    import kafka  # noqa: F401
