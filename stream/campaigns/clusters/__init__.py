"""The cluster detector: finds connected accounts, scores them and keeps clusters apart."""
