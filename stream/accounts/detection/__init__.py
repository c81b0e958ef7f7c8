"""Judges accounts: own baseline, population model (River), calibration, explanation."""
