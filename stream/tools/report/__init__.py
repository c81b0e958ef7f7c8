"""How good was it: alerts held against labels, as a table, as JSON and as a page."""
