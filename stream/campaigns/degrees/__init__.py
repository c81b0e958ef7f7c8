"""How sure it is that each member belongs to its cluster: certain, likely or peripheral."""
