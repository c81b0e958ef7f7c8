"""Rolling per-account state in event time: windows, panes and the table that holds them."""
