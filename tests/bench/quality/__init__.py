"""The quality benchmark: what the detector finds, accuses and lets leak on composite traffic."""
