"""Customers that must stay silent, a module per kind; nothing in here is malicious."""
