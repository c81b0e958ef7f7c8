"""Indicators between operators: what leaves of an incident as STIX 2.1, and what is taken in."""
