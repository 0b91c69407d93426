"""MkDocs hook: writes the tables that are generated."""

import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

import catdog
from catdog.models.transfer import BACKBONES, Scaling

MODELS = "<!-- models -->"
BACKBONES_TABLE = "<!-- backbones -->"
POSTS_RESULTS = "<!-- posts-results -->"
DEAD_UNITS = "<!-- dead-units -->"
TRAIN_HEAD = "<!-- train-head -->"
LOADING_SCAN = "<!-- loading-scan -->"
LOADING_MEMORY = "<!-- loading-memory -->"
NO_BREAK = "&nbsp;"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the generated tables where a page asks for them."""
    if MODELS in markdown:
        markdown = markdown.replace(MODELS, models_table())
    if BACKBONES_TABLE in markdown:
        markdown = markdown.replace(BACKBONES_TABLE, backbones_table())
    results = Path(config.docs_dir) / "results"
    if POSTS_RESULTS in markdown:
        rows = read_record(results / "posts.json", "examples/reproduce_posts.py")["rows"]
        markdown = markdown.replace(POSTS_RESULTS, posts_results(rows))
    if DEAD_UNITS in markdown:
        record = read_record(results / "dead_units.json", "benchmarks/dead_units.py")
        markdown = markdown.replace(DEAD_UNITS, dead_units(record))
    if TRAIN_HEAD in markdown:
        record = read_record(results / "train_head.json", "benchmarks/train_head.py")
        markdown = markdown.replace(TRAIN_HEAD, train_head(record))
    if LOADING_SCAN in markdown:
        record = read_record(results / "loading.json", "benchmarks/loading.py")
        markdown = markdown.replace(LOADING_SCAN, loading_scan(record))
        markdown = markdown.replace(LOADING_MEMORY, loading_memory(record))
    return markdown


def models_table() -> str:
    """Return the table of the zoo's models, from their specs."""
    head = ["Model", "Layers after the input", "Parameters (trainable)", "Default weights"]
    rows = []
    for name in catdog.list_models():
        spec = catdog.model_spec(name)
        count = f"{spec.num_params:,} ({spec.num_trainable_params:,})"
        rows.append([code(name), spec.summary, count, spec.weights, accuracies(spec)])
    return table([*head, "The post reports, or catdog measured"], rows)


def backbones_table() -> str:
    """Return the table of the networks on which `transfer` can stand."""
    head = ["`backbone=`", "Default size", "Smallest", "Parameters", "Features", "Pixels become"]
    scalings: dict[Scaling, str] = {
        "none": "what it makes of them itself",
        "tf": "-1 to 1",
        "torch": "mean 0, deviation 1 over ImageNet",
        "caffe": "blue, green, red, less the mean of ImageNet",
    }
    rows = [
        [
            code(name),
            str(backbone.side),
            str(backbone.min_side),
            f"{backbone.num_params:,}",
            f"{backbone.num_features:,}",
            scalings[backbone.scaling],
        ]
        for name, backbone in BACKBONES.items()
    ]
    return table(head, rows)


def accuracies(spec: catdog.ModelSpec) -> str:
    """Return what the post says of a model, or what catdog measured of its own, in words."""
    lines = []
    if post := spec.reported:
        lines.append(f"validation {span(post.validation, digits=0)}")
        lines.append(f"last epoch {post.final_validation:.1%}")
        lines += [] if post.test is None else [f"test {post.test:.1%}"]
    if own := spec.measured:
        lines += [f"measured {own.accuracy:.1%}", span(own.interval), f"n = {own.n}"]
    return "<br>".join(lines)


def read_record(path: Path, script: str) -> dict[str, Any]:
    """Return the figures that a script wrote, or say how to make them."""
    if not path.is_file():
        raise PluginError(f"{path} is missing. Make it with: python {script} --out {path}")
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return record


def posts_results(rows: list[dict[str, Any]]) -> str:
    """Return the measured table of the posts' models, and what it was measured with."""
    head = [
        "Model",
        "Seed",
        "The post reports",
        "Validation",
        "Validation, last five epochs",
        "Baseline",
        "Training",
        "Test",
        "Seconds",
    ]
    return f"{table(head, [result_cells(row) for row in rows])}\n\n{provenance(rows)}"


def result_cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one trained model."""
    history = row["history"]
    last_five = history["val_accuracy"][-5:]
    return [
        code(row["model"]),
        str(row["seed"]),
        accuracies(catdog.model_spec(row["model"])),
        judged(row["validation"]),
        span((min(last_five), max(last_five))),
        f"{row['validation']['baseline']:.1%}",
        f"{history['accuracy'][-1]:.1%}",
        judged(row["test"]),
        f"{row['seconds']:,.0f}",
    ]


def dead_units(record: dict[str, Any]) -> str:
    """Return the table of hidden units that died, a line a run."""
    head = ["Model", "Seed", "First epoch's loss", "Dead before", "Dead after", "Validation"]
    rows = [
        [
            code(row["model"]),
            str(row["seed"]),
            f"{row['first_loss']:.1f}",
            f"{row['dead_before']} of {row['units']}",
            f"{row['dead_after']} of {row['units']}",
            f"{row['validation_accuracy']:.1%}",
        ]
        for row in record["rows"]
    ]
    epochs = record["rows"][0]["epochs"]
    facts = f"- Command: `{record['command']}`\n- Epochs: {epochs}\n- Versions: {versions(record)}"
    return f"{table(head, rows)}\n\n{facts}"


def train_head(record: dict[str, Any]) -> str:
    """Return what `train_head` saves, as a table."""
    ways = {
        "plain": "`train`",
        "cold": "`train_head`, which also fills `cache_dir`",
        "warm": "`train_head` again, with the features from `cache_dir`",
    }
    rows = [[ways[row["way"]], f"{row['seconds']:,.1f}", judged(row)] for row in record["rows"]]
    facts = f"- Model: `{record['model']}`, {record['epochs']} epochs, seed {record['seed']}"
    head = ["Training", "Seconds", "Validation"]
    return f"{table(head, rows)}\n\n{facts}\n{measured_with(record)}"


def loading_scan(record: dict[str, Any]) -> str:
    """Return what the scan costs beside plain decoding, and how it grows, as two tables."""
    scan, growth = record["results"]["scan"], record["results"]["linear"]
    decoders = {
        "scan_to_tensorflow": "TensorFlow, in `tf.data`",
        "scan_to_pillow": "Pillow, in threads",
    }
    compared = [
        [name, median_and_range(scan[key]), f"{scan[key]['bar']}"] for key, name in decoders.items()
    ]
    grown = [
        [f"{row['files']:,}", median_and_range(row["seconds_per_1000"])] for row in growth["rows"]
    ]
    return "\n\n".join(
        [
            f"A scan of {scan['files']} real pictures, in plain decodes of the same pictures "
            f"(median and range of {scan['rounds']} rounds):",
            table(["Decoded by", "Scan, in decodes", "At most"], compared),
            "Folders of small drawn pictures:",
            table(["Files", "Seconds per 1000 files"], grown),
            measured_with(record),
        ]
    )


def loading_memory(record: dict[str, Any]) -> str:
    """Return the table of peak memory by budget."""
    memory = record["results"]["memory"]
    rows = [
        [
            f"{row['cache_mib']:,}",
            f"{max(run['peak'] for run in row['runs']):,}",
            f"{row['above_floor']:,}",
            f"{row['cache_mib'] + memory['allowance']:,}",
        ]
        for row in memory["rows"]
    ]
    head = ["Budget (MiB)", "Highest memory", "Beyond a process with 200 pictures", "At most"]
    return f"{table(head, rows)}\n\n{measured_with(record)}"


def median_and_range(figures: dict[str, float]) -> str:
    """Return `0.95 (0.50 to 1.25)`."""
    return f"{figures['median']:.2f} ({figures['min']:.2f} to {figures['max']:.2f})"


def measured_with(record: dict[str, Any]) -> str:
    """Return the command, the versions and the number of cores, as a list."""
    facts = {
        "Command": f"`{record['command']}`",
        "Versions": versions(record),
        "Cores": record["cores"],
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def judged(figures: dict[str, Any]) -> str:
    """Return an accuracy with its interval and the number of pictures."""
    return f"**{figures['accuracy']:.1%}**<br>{span(figures['interval'])}<br>n = {figures['n']}"


def provenance(rows: list[dict[str, Any]]) -> str:
    """Return what the rows were measured with, as a list; rows that differ name each way."""
    facts: dict[str, list[str]] = {
        "Command": [f"`{row['command']}`" for row in rows],
        "Pictures": [f"`{row['data']}`" for row in rows],
        "Epochs": [str(row["epochs"]) for row in rows],
        "Versions": [versions(row) for row in rows],
        "Machine": [row["machine"] for row in rows],
    }
    # dict.fromkeys drops repetitions and keeps the order
    return "\n".join(f"- {name}: {'; '.join(dict.fromkeys(told))}" for name, told in facts.items())


def versions(record: dict[str, Any]) -> str:
    """Return the versions that a record was made with, on one line."""
    return ", ".join(f"{name} {version}" for name, version in record["versions"].items())


def span(ends: tuple[float, float], *, digits: int = 1) -> str:
    """Return two shares as `62% to 66%`, on one line, or as one where they print the same."""
    low, high = (f"{end:.{digits}%}" for end in ends)
    return low if low == high else f"{low} to {high}".replace(" ", NO_BREAK)


def code(name: str) -> str:
    """Return a model's name as code that may break before its recipe only."""
    return f"<code>{name.replace('.', '<wbr>.')}</code>"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
