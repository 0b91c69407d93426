"""How many threads run: one for each core that this process may use."""

import os

import pytest

from catdog._utils.threads import MAX_THREADS, core_count, thread_count


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cores_that_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    assert core_count() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert core_count() == thread_count() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catdog._utils.threads.core_count", lambda: 256)
    assert thread_count() == MAX_THREADS
