"""Incidents: what findings and clusters become for the people who act on them."""
