"""Which accounts used which indicator: the links stage, and the bipartite graph that it keeps."""
