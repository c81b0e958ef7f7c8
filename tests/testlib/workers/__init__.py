"""The product's own processes, watched from outside."""
