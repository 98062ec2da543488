"""What `manage.py backup` and `manage.py restore` are made of: the folder, the dump, the manifest, the objects."""
