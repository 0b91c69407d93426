"""The benchmarks start and compute correctly."""

import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
from scipy.stats import binomtest

from catdog import load_datasets
from catdog._utils.keras_internals import ONEDNN_VARIABLE
from catdog._utils.onednn import X86_64
from catdog.models.graph import ModelParts
from catdog.typing import Split
from tests.conftest import write_images

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path.stem
    for path in (ROOT / "benchmarks").glob("*.py")
    if path.stem not in ("harness", "comparisons")
)

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that loads a script, with the modules of its folder importable."""

    def load(path: str) -> ModuleType:
        script = ROOT / path
        monkeypatch.syspath_prepend(script.parent)
        spec = importlib.util.spec_from_file_location(script.stem, script)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_benchmark_starts(name: str, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    script = load(f"benchmarks/{name}.py")
    with pytest.raises(SystemExit, match="0"):
        script.main(["--help"])
    first_line = (script.__doc__ or "no docstring").partition("\n")[0]
    assert first_line in " ".join(capsys.readouterr().out.split())


def test_record_contains_command_versions_and_cores(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    harness, out = load("benchmarks/harness.py"), tmp_path / "record.json"
    monkeypatch.setattr(sys, "argv", ["benchmarks/x.py", "--data", "my images"])
    harness.write_record(harness.new_record(epochs=3), out)
    harness.write_record({}, None)
    record = json.loads(out.read_text())
    assert record["command"] == "python benchmarks/x.py --data 'my images'"
    assert record["versions"]["keras"] == keras.__version__
    assert record["cores"] >= 1
    assert record["epochs"] == 3
    assert list(tmp_path.iterdir()) == [out]


def test_tasks_are_timed_alternately_after_a_warm_up_round(load: Load) -> None:
    done: list[str] = []
    tasks = {name: lambda name=name: done.append(name) for name in ("first", "second")}
    seconds = load("benchmarks/harness.py").time_in_turn(tasks, 2)
    assert done == ["first", "second"] * 3
    assert {name: len(times) for name, times in seconds.items()} == {"first": 2, "second": 2}


def test_new_processes_return_json_or_raise(load: Load) -> None:
    ask_python = load("benchmarks/harness.py").ask_python
    assert ask_python("-c", "print('of a library'); print('[1]')") == [1]
    with pytest.raises(subprocess.CalledProcessError):
        ask_python("-c", "raise SystemExit(3)")
    with pytest.raises(subprocess.TimeoutExpired):
        ask_python("-c", "import time; time.sleep(60)", timeout=0.2)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux reports it")
def test_peak_memory_is_that_of_one_process(load: Load) -> None:
    harness = load("benchmarks/harness.py")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r}); import harness;"
        "allocated = bytearray({mib} * 2**20); print(harness.peak_mib())"
    )
    small, large = (harness.ask_python("-c", code.format(mib=mib)) for mib in (0, 200))
    assert small < 100 < 200 < large < 300


@pytest.mark.parametrize(("ms", "expected"), [(2.0, 532), (5.0, None), (4.0, None)])
def test_number_of_images_from_which_compilation_saves_time(
    load: Load, ms: float, expected: int | None
) -> None:
    base = {"ms": {"median": 4.0}, "setup": {"median": 1.0}}
    other = {"ms": {"median": ms}, "setup": {"median": 2.0}}
    assert load("benchmarks/feature_extraction.py").pays_from(base, other) == expected


def test_rounds_are_compared_one_by_one(load: Load) -> None:
    def runs(*firsts: float, later: float) -> list[dict[str, float]]:
        cpu = {"first_cpu": 6, "later_cpu": 2 * later}
        return [{"first": first, "later": later, **cpu} for first in firsts]

    times = load("benchmarks/against_keras.py").times_faster
    ratios = times(runs(4, 9, later=2), runs(2, 3, later=1))
    assert ratios["first"] == {"median": 2.5, "min": 2, "max": 3}
    assert ratios["later"] == {"median": 2, "min": 2, "max": 2}
    assert "reckoned" not in ratios  # 20 epochs are not estimated from 3


def test_epochs_are_compared_round_by_round(load: Load) -> None:
    def epochs(*seconds: float) -> list[dict[str, float]]:
        return [{"seconds": each, "cpu_seconds": 2 * each} for each in seconds]

    faster = load("benchmarks/cache_dir.py").times_faster(epochs(4, 9, 8), epochs(2, 3, 1))
    assert faster["seconds"] == {"median": 3, "min": 2, "max": 8, "met": True}


def test_the_ratio_of_cache_dir_is_of_its_own_record(load: Load) -> None:
    steps = load("benchmarks/run.py").steps_of_cache_dir(ROOT / "docs/results/cache_dir.json")
    assert steps["decoded"]["seconds"] > steps["cache_dir"]["seconds"] > 0
    assert steps["decoded"]["cpu_seconds"] > steps["cache_dir"]["cpu_seconds"] > 0


def test_both_loops_use_the_same_images(load: Load, tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        for name in ("cats", "dogs"):
            write_images(tmp_path / "mine" / split / name, 3)
    data = load_datasets(tmp_path / "mine")
    load("benchmarks/sides.py").link_splits(tmp_path / "mine", tmp_path / "links")
    found = {
        (path.parent.parent.name, path.parent.name, path.resolve())
        for path in (tmp_path / "links").rglob("*.png")
    }
    splits: tuple[Split, ...] = ("train", "validation")
    expected = {(split, path.parent.name, path) for split in splits for path in data.paths(split)}
    assert found == expected
    assert len(found) == 12


def test_flip_average_compares_by_mcnemars_exact_test(load: Load) -> None:
    first = np.array([True] * 3 + [False] * 10 + [True] * 87)
    second = np.array([False] * 3 + [True] * 10 + [True] * 87)
    paired = load("benchmarks/flip_average.py").compare(first, second)
    assert (paired["only_first"], paired["only_second"], paired["n"]) == (3, 10, 100)
    assert paired["difference"] == pytest.approx(0.07)
    assert paired["p"] == pytest.approx(binomtest(3, 13).pvalue)


def test_flip_average_extracts_features_of_mirror_images(load: Load) -> None:
    backbone = keras.Sequential([keras.Input((4, 6, 3)), keras.layers.Flatten()])
    parts = load("benchmarks/flip_average.py").mirrored_parts(ModelParts(None, backbone, backbone))
    images = np.random.default_rng(0).uniform(0, 255, (2, 4, 6, 3)).astype(np.float32)
    mirrored = parts.backbone.predict_on_batch(images)
    np.testing.assert_array_equal(mirrored, images[:, :, ::-1].reshape(2, -1))
    assert parts.head is backbone


def test_ratios_are_those_of_neighbours_and_compared_with_their_bars(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    run = load("benchmarks/run.py")
    ratio = load("benchmarks/comparisons.py").Ratio
    rounds = [
        {
            "a": {"step": {"seconds": seconds, "cpu_seconds": 1.0}, "peak_mib": 100},
            "b": {"step": {"seconds": 2.0, "cpu_seconds": 4.0}, "peak_mib": 50},
        }
        for seconds in (1.0, 2.0, 6.0)
    ]
    row = run.row_of(ratio("time", ("a", "step"), ("b", "step"), 1.0), rounds)
    assert row["seconds"] == {"median": 1.0, "min": 0.5, "max": 3.0}
    assert row["cpu_seconds"]["median"] == 0.25
    assert row["of"][0]["median"] == 2.0
    assert row["met"]
    faster = run.row_of(ratio("time", ("a", "step"), ("b", "step"), 1.25, "at least"), rounds)
    assert not faster["met"]
    memory = ratio("memory", ("a", "step"), None, 150, figure="peak_mib")
    assert run.row_of(memory, rounds)["peak_mib"]["median"] == 100
    assert "NOT MET" in capsys.readouterr().out


def test_every_comparison_names_sides_that_exist(load: Load) -> None:
    comparisons = load("benchmarks/comparisons.py")
    scripts = {
        str(path): load(f"benchmarks/{path.name}").SIDES
        for path in (comparisons.SIDES, comparisons.KERAS_SIDES)
    }
    found = comparisons.list_comparisons(comparisons.Scale())
    names = [one.name for one in found]
    assert len(set(names)) == len(names)
    assert {f"predict_many_{name}" for name in ("cnn", "compact", "mobilenet_v2")} < set(names)
    assert sum(one.median_bar is not None for one in found) == 6  # the networks of the posts
    for one in found:
        commands = [*one.prepare, *one.sides.values()]
        for _, script, *arguments in commands:
            assert script not in scripts or arguments[0] in scripts[script]
        for ratio in one.ratios:
            ends = {end[0] for end in (ratio.over, ratio.under) if end}
            assert ends <= set(one.sides)


@pytest.mark.slow
@pytest.mark.parametrize(("script", "of_catdog"), [("sides", "1"), ("keras_sides", "none")])
def test_only_the_sides_of_catdog_ask_for_onednn(script: str, of_catdog: str) -> None:
    if platform.machine().lower() not in X86_64:
        pytest.skip("oneDNN is for x86-64")
    environment = {key: value for key, value in os.environ.items() if key != ONEDNN_VARIABLE}
    code = f"import os, {script}; print(os.environ.get({ONEDNN_VARIABLE!r}, 'none'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "benchmarks",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [of_catdog]


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="POSIX")
def test_whole_processes_are_measured(load: Load) -> None:
    run = load("benchmarks/run.py").run
    small, large = (run([sys.executable, "-c", f"bytearray({mib} * 2**20)"]) for mib in (0, 900))
    assert small["process"]["cpu_seconds"] > 0
    assert large["peak_mib"] - 300 > 600
    with pytest.raises(SystemExit, match="exit code 1: ValueError: no"):
        run([sys.executable, "-c", "raise ValueError('no')"])
