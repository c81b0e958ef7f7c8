"""Accounts that fell silent while others took over: who, and how surely it is no chance."""
