"""Our worker and what else somebody would take, on one topic, in one run: see README.md."""
