"""Make the tables, the first admin, a device and a curator; prints the tokens of the two as JSON."""

import io
import json
import sys
from contextlib import redirect_stdout

import django

WHO = {"tower": "device", "desk": "curator"}


def main() -> None:
    django.setup()
    from django.core.management import call_command

    with redirect_stdout(sys.stderr):
        call_command("prepare")
    tokens = {}
    for login, scope in WHO.items():
        call_command("register_user", login, scope=scope, no_password=True, stdout=io.StringIO())
        tokens[login] = call_command("create_token", login, "faults", stdout=io.StringIO(), stderr=io.StringIO())
    sys.stdout.write(json.dumps(tokens))


if __name__ == "__main__":
    main()
