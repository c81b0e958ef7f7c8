"""Nouns of the pipeline; no behaviour beyond what a value can say about itself."""
