"""The command ``distillwatch``: reads settings, builds, runs, and speaks to people."""
