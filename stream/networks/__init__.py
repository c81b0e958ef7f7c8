"""The operator's own databases of networks: files that are read, watched and looked up."""
