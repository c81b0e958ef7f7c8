"""Campaigns with the published shapes, a module per shape; nothing in here knows the detector."""
