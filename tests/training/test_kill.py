"""Runs that are killed end where others end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training import killed_runs

KILLS = int(os.environ.get("CATDOG_KILLS", "2"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked")
def test_a_run_that_is_killed_ends_as_one_that_is_not(image_folder: Path, tmp_path: Path) -> None:
    """CATDOG_KILLS=20 kills each training function 20 times."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = subprocess.run(
        [sys.executable, killed_runs.__file__, image_folder, scratch, str(KILLS), "0"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    results = [json.loads(line) for line in found.stdout.splitlines()]
    assert [name for name, *_ in results] == ["train", "train_head", "fine_tune"]
    for name, difference, saved, left in results:
        assert difference < 1e-5, name
        assert left == [], name
        assert saved > 0
