"""What layers say as files of other programs: asked for, translated, written, and noted."""
