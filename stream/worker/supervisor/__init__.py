"""Several processes of one worker: starts, watches and stops them, and answers for all of them."""
