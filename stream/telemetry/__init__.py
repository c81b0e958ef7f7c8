"""How metrics are declared, checked and shared; each room declares its own in `metrics.py`."""
