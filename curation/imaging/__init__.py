"""What a file is, told from its bytes alone: no name, no declared type, no decoder, no framework."""
