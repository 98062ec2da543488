"""How names are compared: two spellings that a person takes for one are one."""

from __future__ import annotations

import re
import unicodedata

NEW_LOGIN = re.compile(r"[A-Za-z0-9._@+-]{3,50}")


def fold(name: str) -> str:
    """casefold(NFKC(name)) without blanks around it: `Admin`, `ADMIN ` and its full-width twin fold alike."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
