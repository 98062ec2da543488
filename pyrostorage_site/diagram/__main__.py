"""`make picture`: write docs/data-model.dot from the models, and let graphviz draw docs/data-model.svg from it."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TEXT = Path(__file__).resolve().parents[2] / "docs/data-model.dot"
PICTURE = TEXT.with_suffix(".svg")
APPS = ("accounts", "curation")
# Graphviz paints with attributes; these rules win over them where the reader's page is dark.
DARK = """<style>@media (prefers-color-scheme: dark) {
text[fill="#23282b"] { fill: #e4e2dd } text[fill="#5b6266"] { fill: #a9aeb0 } text[fill="#9a3f0c"] { fill: #f0a060 }
polygon[fill="#ffffff"] { fill: #1f2426 } polygon[stroke="#b9b4aa"], path[stroke="#b9b4aa"] { stroke: #5d6568 }
path[stroke="#8a6d3b"], polyline[stroke="#8a6d3b"], polygon[stroke="#8a6d3b"] { stroke: #c9a86a }
polygon[fill="#8a6d3b"] { fill: #c9a86a } polygon[fill="#fdfdfd"], path[fill="#fdfdfd"] { fill: #0d1117 }
}</style>"""


def text_of_models() -> str:
    """The tables of our own apps in graphviz's language, the same text for the same models."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "pyrostorage_site.diagram.settings"
    import django
    from django.apps import apps
    from django.core.management import call_command

    django.setup()
    # Tables by name: what they inherit from is no table, and its order would change from run to run.
    names = [model.__name__ for app in APPS for model in apps.get_app_config(app).get_models()]
    written = io.StringIO()
    call_command(
        "graph_models",
        *APPS,
        stdout=written,
        theme="tables",
        dot=True,
        include_models=",".join(names),
        inheritance=False,
        sort_fields=False,
        arrow_shape="crow",
        rankdir="RL",
    )
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines() if line.strip()) + "\n"


def drawn_from(text: str) -> str:
    """The comment in the picture that tells from which text it was drawn."""
    return f"<!-- drawn from data-model.dot {hashlib.sha256(text.encode()).hexdigest()} -->"


def draw(text: str, dot: str) -> str:
    """The text as SVG, for light pages and dark ones; `dot` is the path of graphviz's program."""
    done = subprocess.run([dot, "-Tsvg"], input=text, capture_output=True, text=True, check=True)  # noqa: S603 - our text
    return re.sub(r"(<svg[^>]*>)", lambda opening: f"{opening[1]}\n{drawn_from(text)}\n{DARK}", done.stdout, count=1)


def main() -> None:
    text = text_of_models()
    TEXT.write_text(text)
    dot = shutil.which("dot")
    if dot is None:
        sys.exit(f"{TEXT.name} is written, but graphviz, which draws it, is missing: apt-get install graphviz")
    PICTURE.write_text(draw(text, dot))


if __name__ == "__main__":
    main()
