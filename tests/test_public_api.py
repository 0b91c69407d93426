import subprocess
import sys

import pytest

import catdog

IMPORT_ALONE = """
import sys, time
start = time.perf_counter()
import catdog
seconds = time.perf_counter() - start
assert catdog.__version__
heavy = [name for name in ("tensorflow", "keras", "matplotlib", "numpy") if name in sys.modules]
print(seconds, heavy)
"""


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert catdog.__all__ == sorted(catdog.__all__)
    assert set(catdog.__all__) == set(catdog._HOMES)
    for name in catdog.__all__:
        assert getattr(catdog, name).__doc__
        assert name in dir(catdog)


def test_nothing_else_is_public() -> None:
    for name in ("wilson_interval", "np", "Path"):
        with pytest.raises(AttributeError, match=f"module 'catdog' has no attribute '{name}'"):
            getattr(catdog, name)


def test_import_is_cheap() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", IMPORT_ALONE], capture_output=True, text=True, check=True
        ).stdout.split(maxsplit=1)
        for _ in range(3)
    ]
    assert {heavy.strip() for _, heavy in outputs} == {"[]"}
    assert min(float(seconds) for seconds, _ in outputs) < 0.2


def test_baseline_needs_no_tensorflow() -> None:
    code = (
        "import sys; from catdog import baseline_accuracy, load_datasets; "
        "baseline_accuracy([0, 1]); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
