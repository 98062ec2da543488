"""Where an import takes its files from: a folder, a bucket's prefix, an archive. Nothing is unpacked to disk."""
