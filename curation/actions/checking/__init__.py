"""What `curation.actions.check` is made of: the findings, the objects, the rows."""
