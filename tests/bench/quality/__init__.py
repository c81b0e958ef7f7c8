"""The quality benchmark: what the detector finds, accuses and lets leak on composite traffic."""

import os

# As the command has it (stream/cli), before numpy is imported: the threads of small products of
# matrices doubled the processor time of a scoring.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
