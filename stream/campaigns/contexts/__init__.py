"""Context that goes from one account to another, by token counts and times alone."""
