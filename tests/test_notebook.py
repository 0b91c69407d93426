"""A notebook, run as Jupyter runs it: its outputs are readable, and it is quiet."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from catdog._utils.keras_internals import LOG_LEVEL_VARIABLE
from tests.conftest import MakeFolder

CELLS = (
    "from catdog import build_model, evaluate, load_datasets, predict, train, train_head\n"
    "import catdog._utils.progress\n"
    "catdog._utils.progress.SHOW_AFTER_SECONDS = 0",
    'data = load_datasets("images")',
    "data",
    'model = build_model("cnn", image_size=(24, 24), seed=0)\n'
    "history = train(model, data, epochs=2)",
    "evaluate(model, data)",
    'predict(model, data.paths("test")[0])',
)


def run(folder: Path) -> list[list[dict[str, Any]]]:
    """Run the cells in a kernel in a folder, and return the outputs of each cell."""
    v4 = pytest.importorskip("nbformat.v4")
    preprocessors = pytest.importorskip("nbconvert.preprocessors")
    pytest.importorskip("ipykernel")
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in CELLS])
    execute = preprocessors.ExecutePreprocessor(timeout=120, kernel_name="python3")
    execute.preprocess(notebook, {"metadata": {"path": str(folder)}})
    return [cell["outputs"] for cell in notebook.cells]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of Jupyter's own packages
def test_the_outputs_of_a_notebook(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LOG_LEVEL_VARIABLE, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    folder = make_folder({"images/cats": 10, "images/dogs": 10})
    outputs = run(folder)
    everything = json.dumps(outputs)
    assert "\\b" not in everything
    assert "ipywidgets" not in everything
    streams = [output for cell in outputs for output in cell if output["output_type"] == "stream"]
    assert {stream["name"] for stream in streams} == {"stdout"}  # no remark of TensorFlow
    lines = "".join(stream["text"] for stream in streams).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    for cell in (2, 4):
        assert "text/html" in outputs[cell][-1]["data"]
    assert outputs[5][-1]["data"]["text/plain"].startswith("[<Prediction: ")
    bars = [output["data"] for output in (*outputs[1], *outputs[3]) if "data" in output]
    assert all(bar == {"text/plain": "", "text/html": ""} for bar in bars)  # they are gone
    pytest.importorskip("ipywidgets")
    assert bars
