"""Answers as keyed hashes of runs of words, by which a copy of them can be found later; no text."""
