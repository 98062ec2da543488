"""The container's health check: does the server in it answer /healthz? Ends with 0 or 1."""

from __future__ import annotations

import os
import sys
from urllib.request import ProxyHandler, build_opener

SECONDS = 4.0


def main() -> None:
    address = f"http://127.0.0.1:{os.environ.get('PORT') or 8080}/healthz"
    try:
        # A proxy that the host's Docker hands to its containers has no business here.
        build_opener(ProxyHandler({})).open(address, timeout=SECONDS).close()
    except OSError as error:
        sys.exit(f"{address} does not answer: {error}")


if __name__ == "__main__":
    main()
