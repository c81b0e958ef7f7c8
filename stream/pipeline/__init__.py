"""The product without input and output: intake, and the stages as partition tasks.

Start reading at ``chain.py``, which runs all of it in one process.
"""
