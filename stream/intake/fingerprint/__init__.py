"""Text, keys and addresses to keyed fingerprints: the last room that sees them."""
