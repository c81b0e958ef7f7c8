"""The oversight report: what was found in a period, what left, and what was done about it."""
