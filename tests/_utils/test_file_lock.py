"""Locks between processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from catdog._utils import file_lock
from catdog._utils.file_lock import try_lock

HOLD = """
import sys
from pathlib import Path
from catdog._utils.file_lock import try_lock
with try_lock(Path(sys.argv[1])) as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read()
"""


def test_a_lock_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline().strip() == b"True"
    with try_lock(path) as is_ours:
        assert not is_ours
    process.kill()
    process.communicate()
    for _ in range(2):
        with try_lock(path) as is_ours:
            assert is_ours
    assert path.read_bytes() == b""


def test_an_error_within_the_block_is_raised_and_ends_the_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError, match="mine"), try_lock(tmp_path / "lock"):
        raise BlockingIOError("mine")
    with try_lock(tmp_path / "lock") as is_ours:
        assert is_ours


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(file_lock, "_lock", fail)
    with pytest.raises(OSError, match="No locks available"), try_lock(tmp_path / "lock"):
        pass
