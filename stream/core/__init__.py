"""Values that all rooms share, and the tree of errors; no behaviour beyond the values."""
