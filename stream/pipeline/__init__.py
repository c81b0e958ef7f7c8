"""The product without input and output: intake, and one task class per stage.

Start reading at ``chain.py``, which runs all of it in one process.
"""
