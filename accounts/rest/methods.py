from __future__ import annotations

from collections.abc import Sequence


class Methods:
    """Mixed into every view: OPTIONS is left to CORS preflights, which never reach a view.

    DRF's own would describe a route to whoever may not use it.
    """

    http_method_names: Sequence[str] = ["get", "head", "post", "put", "patch", "delete"]
