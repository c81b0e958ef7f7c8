"""Bounded column stores: rows of numpy columns, a hash index, strings as numbers.

Knows nothing of accounts or campaigns, and does no input or output.
"""
