"""From a gateway's log records to request events: one module per format, bad input as data."""
