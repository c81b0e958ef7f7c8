"""Metrics: each declared once with its type, unit, meaning and what to do about it."""
