"""The outcomes of a run of `make faults` as the table of docs/faults.md.

python -m curation.tests.faults.table FILE      a JSON object a line, as `outcomes.note` writes them
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

HOUSES = {"folder": "SQLite and a folder", "servers": "PostgreSQL and S3"}


def main(file: Path) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    counts = Counter((one["flow"], one["phase"], one["outcome"], one["house"]) for one in lines)
    sys.stdout.write("| flow | killed at | afterwards | " + " | ".join(HOUSES.values()) + " |\n|---|---|---|---|---|\n")
    for flow, phase, outcome in sorted({key[:3] for key in counts}):
        cells = " | ".join(str(counts[flow, phase, outcome, house]) for house in HOUSES)
        sys.stdout.write(f"| {flow} | {phase} | {outcome} | {cells} |\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
