"""What all known accounts are like: the reference that a cluster is compared with."""
