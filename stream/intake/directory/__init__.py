"""The account directory: what the operator knows of accounts and no gateway logs."""
