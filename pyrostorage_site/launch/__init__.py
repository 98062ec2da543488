"""The launcher behind the Makefile: install, start, stop, test.

Standard library only: it runs with the system's Python, before any virtual environment exists.
"""
