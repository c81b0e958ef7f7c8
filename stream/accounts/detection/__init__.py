"""Account detection: own baselines, population model (River), calibration, explanation."""
