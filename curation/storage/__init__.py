"""Where bytes live: a folder or an S3 bucket behind one interface, and the spool they pass through.

Knows no models, no API and no actions. Start reading at `base.py`.
"""
