"""Near-duplicates: what is due, compared, made into clusters and decided."""
