"""Delivery of alerts from their topic to receivers. Decides nothing about alerts."""
