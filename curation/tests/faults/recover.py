"""Collect with no grace, then check everything; prints the report as JSON."""

import io
import json
import sys

import django


def main() -> None:
    django.setup()
    from django.core.management import call_command

    from curation.actions.check import examine

    call_command("collect_objects", "--apply", "--grace", "0", stdout=io.StringIO())
    sys.stdout.write(json.dumps(examine(full=True).as_json()))


if __name__ == "__main__":
    main()
