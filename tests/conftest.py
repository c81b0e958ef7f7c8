"""What every test starts from."""

import warnings

import hypothesis

# kafka-python reads its schemas with functions of the standard library that Python 3.11 calls
# deprecated: once, when it is imported.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "(read|open)_text is deprecated", DeprecationWarning)
    import kafka  # noqa: F401

# A busy machine is no bug.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")
