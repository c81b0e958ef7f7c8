"""What an account's traffic looks like, as a table of named numbers."""
