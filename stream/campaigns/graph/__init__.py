"""What the bipartite graph shows: owners, co-occurrence, co-location, bursts, components."""
