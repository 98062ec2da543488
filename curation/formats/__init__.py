"""What annotation formats and file names say. Pure: no Django, no rows, no bytes of ours."""
