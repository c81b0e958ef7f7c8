"""Decisions carried out by a gateway's own key management, through its admin API."""
