"""The memory of images.

Large images take little more than their pixels in Pillow: 4 bytes for RGB, 1 for grey. What images
have freed is used again.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

SIDE = 3000
MARGIN = 2  # bytes a pixel, for the strips
MEASURE = """
import os, re, sys
from pathlib import Path
from PIL import Image
from catdog.data.scan_file import inspect as inspect_file
from catdog.images.decode import decode_image
from catdog.images.inputs import ImageSource, read_pixels
from catdog.images.limits import own_limits

def kib(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def inspect(path):
    with path.open("rb") as content, own_limits():
        inspect_file(content, path, os.path.getsize(path), None)

Image.init()
for name in sys.argv[1:]:
    path = Path(name)
    for use in (lambda: decode_image(path, (8, 8)),
                lambda: read_pixels(ImageSource(Image.open(path), "it"), (8, 8), []),
                lambda: inspect(path)):
        Path("/proc/self/clear_refs").write_text("5")
        before = kib("VmRSS")
        use()
        print(path.stem, (kib("VmHWM") - before) * 1024 / Image.open(path).width ** 2)
"""
MOST = {  # bytes a pixel to read an image, and to scan it, which makes a thumbnail
    "RGB": (4, 4),  # no copy
    "L": (5, 1),
    "P": (5, 5),
    "I;16": (6, 6),
    "RGBA": (8, 8),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_peak_memory_of_large_images(tmp_path: Path) -> None:
    files = []
    for mode in MOST:
        files.append(tmp_path / f"{mode}.png")
        image = Image.new(mode, (SIDE, SIDE), 200)
        if mode == "P":
            image.putpalette(bytes(range(256)) * 3)
        image.save(files[-1], compress_level=1)
    run = [sys.executable, "-c", MEASURE, *map(str, files)]
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}  # freed memory is returned at once
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=env)
    printed = done.stdout.splitlines()
    assert len(printed) == 3 * len(MOST)
    found = iter([float(line.split()[1]) for line in printed])
    for mode, (read, scanned) in MOST.items():
        assert next(found) < read + MARGIN, mode
        assert next(found) < read + MARGIN, mode
        assert next(found) < scanned + MARGIN, mode


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
