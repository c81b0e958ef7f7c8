"""Topic cells: what light accounts' prompts have moved towards, and which accounts live there."""
