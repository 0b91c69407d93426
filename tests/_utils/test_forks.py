"""A forked process in which TensorFlow cannot run says so, and no other process does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")

BEGIN = """
import multiprocessing, os, sys, warnings
from pathlib import Path
import catdog
warnings.simplefilter("ignore")  # Python 3.12 warns of forks

def attempt(name):
    model, data, folder = prepared
    image = data.paths("test")[0]
    calls = {
        "build_model": lambda: catdog.build_model("cnn", image_size=(32, 32)),
        "make_augmentation": lambda: catdog.make_augmentation(),
        "save_model": lambda: catdog.save_model(model, folder / "again.keras"),
        "load_model": lambda: catdog.load_model(folder / "model.keras"),
        "predict": lambda: catdog.predict(model, image, verbose=0),
        "gradcam": lambda: catdog.gradcam(model, image),
        "plot_gradcam": lambda: catdog.plot_gradcam(model, [image]),
        "export_model": lambda: catdog.export_model(model, folder / "model.tflite"),
        "evaluate": lambda: catdog.evaluate(model, data, split="validation", verbose=0),
        "calibrate": lambda: catdog.calibrate(model, data, verbose=0),
        "train": lambda: catdog.train(model, data, epochs=1, verbose=0),
        "train_head": lambda: catdog.train_head(model, data, epochs=1, verbose=0),
        "fine_tune": lambda: catdog.fine_tune(model, data, epochs=1, verbose=0),
        "find_label_issues": lambda: catdog.find_label_issues(model, data, folds=2, verbose=0),
        "batches": lambda: list(data.train),
        "unpacking": lambda: [list(part) for part in data],
        "other size": lambda: list(data.at((9, 9)).test),
    }
    if name is None:
        return list(calls)
    try:
        calls[name]()
        print(name, "ran", flush=True)
    except Exception as error:
        print(name, type(error).__name__, error, flush=True)

def prepare():
    folder = Path(sys.argv[1])
    data = catdog.load_datasets(folder, image_size=(32, 32))
    model = catdog.build_model("cnn", image_size=(32, 32))
    catdog.train(model, data, epochs=1, verbose=0)
    list(data.train)
    catdog.save_model(model, folder.parent / "model.keras")
    return model, data, folder.parent
"""


def run(code: str, folder: Path) -> list[str]:
    """Run Python code in a new process, and return the lines that it printed."""
    script = folder.parent / "script.py"
    script.write_text(BEGIN + code, "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_fork
@pytest.mark.slow
def test_forked_processes(image_folder: Path) -> None:
    """One process forks before and after it has run TensorFlow: to start it takes ten seconds.

    Before: it has imported TensorFlow and loaded the data, but has run nothing.
    """
    lines = run(
        """
import tensorflow, keras
from catdog import evaluate, predict, train
data = catdog.load_datasets(sys.argv[1], image_size=(32, 32))
context = multiprocessing.get_context("fork")

def run_child(target, *given):
    child = context.Process(target=target, args=given)
    child.start()
    child.join(60)
    if child.is_alive():
        print(target.__name__, *given, "hangs", flush=True)
        child.kill()

def forked_first():
    global prepared
    prepared = prepare()
    attempt("predict")
    run_child(attempt, "predict")  # the child's child is too late

def without_tensorflow():
    data = catdog.load_datasets(sys.argv[1])
    print(catdog.baseline_accuracy(data), catdog.scan_images(sys.argv[1]).n_files, flush=True)

run_child(forked_first)
prepared = prepare()
attempt("predict")
run_child(without_tensorflow)
names = attempt(None)
print(len(names), flush=True)
for name in names:
    run_child(attempt, name)
attempt("predict")
""",
        image_folder,
    )
    in_first, in_its_child, in_parent, needs_none, count, *too_late, still_in_parent = lines
    assert in_first == in_parent == still_in_parent == "predict ran"
    assert "predict BackendError" in in_its_child
    assert needs_none == "0.5 20"
    assert len(too_late) == int(count)
    wrong = [line for line in too_late if "BackendError TensorFlow cannot run" not in line]
    assert wrong == []
    assert all('multiprocessing.get_context("spawn")' in line for line in too_late)


@pytest.mark.slow
def test_spawned_processes_run_tensorflow(image_folder: Path) -> None:
    lines = run(
        """
def child():
    global prepared
    prepared = prepare()
    attempt("predict")

if __name__ == "__main__":
    prepare()
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
""",
        image_folder,
    )
    assert lines == ["predict ran"]
