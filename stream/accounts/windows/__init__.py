"""Rolling per-account state in event time: steps, panes and the table that holds them."""
