"""`make bench`: measure on servers of our own, beside nothing of the developer's.

`python -m benchmarks webhook`, `files` or `dedupe` measures one of them; fewer `--rows`
of a customer file, or contacts, for a quick look.
"""

import argparse
import os
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

PARTS = ("webhook", "files", "dedupe")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("part", nargs="?", choices=["all", *PARTS], default="all")
    parser.add_argument("--rows", type=int, default=1_000_000)
    chosen = parser.parse_args()
    parts = PARTS if chosen.part == "all" else (chosen.part,)
    with tempfile.TemporaryDirectory(prefix="dues-desk-bench-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL's user has to pass
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        os.environ["EMBEDDED_DIR"] = str(Path(folder, "embedded"))
        os.environ["MEDIA_ROOT"] = str(Path(folder, "files"))
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        # The drain's log, formatted and written as ever, is not for this terminal.
        with Path(folder, "bench.log").open("w") as log, redirect_stderr(log):
            import django

            django.setup()
            from benchmarks.report import measure_and_print
            from config import embedded

            try:
                measure_and_print(Path(folder), parts=parts, rows=chosen.rows)
            finally:
                embedded.release()  # while their folder is still there


if __name__ == "__main__":
    main()
