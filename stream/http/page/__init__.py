"""The page for people on call: incidents, their evidence, and verdicts on them."""
