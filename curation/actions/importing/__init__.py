"""Taking in a folder, a prefix or an archive, file by file."""
