"""Giving annotation files a meaning: regions of media that are there, by a mapping of their classes."""
