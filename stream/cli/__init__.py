"""The command ``distillwatch``: reads settings, builds, runs, and speaks to people."""

import os

# Before numpy is imported: matrices here are small, and threads that wait for each other on a
# busy machine made the same replay several times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
