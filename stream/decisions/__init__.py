"""Decisions: how they change, who may change them, what is in force, and the record of it all."""
