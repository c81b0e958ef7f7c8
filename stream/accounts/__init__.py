"""One account at a time: rolling windows, features and an anomaly score."""
