"""Batches of tens of thousands of rows, without Python's collector of cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep the collector of cycles out of a batch.

    A batch makes tens of thousands of objects and no cycles; to find none the collector
    walks all of the process's objects, again and again: a tenth of a drain, and half of
    what merging takes Python.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
