"""The memory of images that are freed is used again."""

import platform
import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource, sys
from io import BytesIO
import numpy as np
from PIL import Image
from catdog.images.containers import open_image

file = BytesIO()
Image.new("RGB", (8, 8)).save(file, "PNG")
file.seek(0)
if "read" in sys.argv:
    open_image(file).load()

def work():
    buffers = [np.ones(2**20, np.uint8) for _ in range(4)]

work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc gives memory back")
def test_the_system_need_not_give_memory_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "")
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    faults = {}
    for how in ("read", "nothing"):
        command = [sys.executable, "-c", PAGE_FAULTS, how]
        faults[how] = int(subprocess.run(command, check=True, capture_output=True).stdout)
    assert faults["nothing"] > 1000  # else the test shows nothing
    assert faults["read"] < faults["nothing"] / 4
