"""Work after a commit: who runs it, how often, how long."""
