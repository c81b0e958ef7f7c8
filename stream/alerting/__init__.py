"""Incidents: what verdicts and clusters become for the people who act on them."""
