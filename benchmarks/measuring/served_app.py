"""The application that a server is told to import: which one, the environment says.

BENCH_PEER is a peer's name and BENCH_WORK a workload's.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks.measuring.workload import PEERS, SERVED_PEERS
from benchmarks.workloads import BLOG, WORKLOADS


def _make() -> Any:
    peer = next(one for one in (*PEERS, *SERVED_PEERS) if one.name == os.environ["BENCH_PEER"])
    workload = next(one for one in (*WORKLOADS, *BLOG) if one.name == os.environ["BENCH_WORK"])
    factory = peer.factory(workload)
    if factory is None:
        raise LookupError(f"{peer.name} does not do {workload.name!r}")
    return factory()


app = _make()
