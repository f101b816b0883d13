"""What a fresh process says about one framework: the benchmarks start this file by its path, once per figure.

    fresh.py import MODULE          seconds to import it, and resident memory after that
    fresh.py requests PEER COUNT    resident memory after so many requests for "hello"
    fresh.py routes PEER COUNT      seconds from the first route to the first answer, with so many routes

What must live here: as few imports as can be, because each counts. Prints one JSON object.
"""

from __future__ import annotations

import sys
from time import perf_counter

# Python looks first beside this file; everything here is imported from the project's root.
sys.path[0] = __file__.rpartition("/benchmarks/")[0]


def resident_kb() -> int:
    """This process's resident memory in kilobytes, 0 where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    except OSError:
        return 0


def import_(module: str) -> dict[str, float]:
    """Seconds and memory of importing a module into an interpreter that has imported nothing else."""
    start = perf_counter()
    __import__(module)
    return {"seconds": perf_counter() - start, "resident_kb": resident_kb()}


def requests(peer_name: str, count: int) -> dict[str, float]:
    """Memory after answering "hello" so often."""
    from benchmarks.measuring.workload import PEERS, enter  # noqa: PLC0415 - not for `import`
    from benchmarks.workloads import WORKLOADS  # noqa: PLC0415

    entrant = enter(next(one for one in PEERS if one.name == peer_name), WORKLOADS[0])
    assert entrant is not None
    entrant.door.time(entrant.ask, count)
    kilobytes = resident_kb()
    entrant.door.close()
    return {"resident_kb": kilobytes}


def routes(peer_name: str, count: int) -> dict[str, float]:
    """Seconds from making the application, its module imported already, to its first answer."""
    from benchmarks.measuring.workload import PEERS  # noqa: PLC0415 - not for `import`
    from benchmarks.workloads import routes_workload  # noqa: PLC0415

    peer = next(one for one in PEERS if one.name == peer_name)
    workload = routes_workload(count)
    peer.factory(workload)
    start = perf_counter()
    door = peer.open(workload)
    assert door is not None
    answer = door.ask(workload.ask)
    seconds = perf_counter() - start
    assert not workload.faults(answer)
    door.close()
    return {"seconds": seconds}


if __name__ == "__main__":
    if sys.argv[1] == "import":
        result = import_(sys.argv[2])
    else:
        result = {"requests": requests, "routes": routes}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(repr(result).replace("'", '"'))
