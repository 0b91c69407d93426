"""The tables of what the benchmarks and the examples wrote down."""

from statistics import median
from typing import Any

from cells import accuracies, code, judged, measured_with, median_and_range, span, table, versions

import catdog


def posts_results(record: dict[str, Any]) -> str:
    """Return the measured table of the posts' models, and what it was measured with."""
    rows = record["rows"]
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
            f"A scan of {scan['files']} real images, in plain decodes of the same images "
            f"(median and range of {scan['rounds']} rounds):",
            table(["Decoded by", "Scan, in decodes", "At most"], compared),
            "Folders of small drawn images:",
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
    head = ["Budget (MiB)", "Highest memory", "Beyond a process with 200 images", "At most"]
    return f"{table(head, rows)}\n\n{measured_with(record)}"


def frozen_pass(record: dict[str, Any]) -> str:
    """Return how fast the frozen part runs in each way, a table for each input size."""
    head = ["Way", "Milliseconds an image", "Seconds until the first batch", "Largest difference"]
    parts = []
    for result in record["results"]:
        rows = [frozen_pass_cells(row) for row in result["rows"]]
        rows.append(["XLA (once)", *xla_cells(result["xla"]), ""])
        about = (
            f"`{result['model']}`, {result['side']} pixels (median and range of "
            f"{result['rounds']} rounds over {result['images']} images; features go up to "
            f"{result['largest_feature']:.1f}):"
        )
        pays = f"With these medians, catdog's way saves time from {result['pays_from']:,} images."
        parts += [about, table(head, rows), pays]
    return "\n\n".join([*parts, measured_with(record)])


def frozen_pass_cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one way; what was not measured is left empty."""
    return [
        row["way"],
        median_and_range(row["ms"]) if "ms" in row else "",
        median_and_range(row["setup"]) if "setup" in row else "",
        f"{row['largest_difference']:.6f}" if "ms" in row else "",
    ]


def xla_cells(xla: dict[str, Any]) -> list[str]:
    """Return the speed and the setup of XLA, or that it was given up."""
    if "longer_than" in xla:
        return ["", f"more than {xla['longer_than']:.0f}"]
    return [f"{xla['ms']:.2f}", f"{xla['setup']:.2f}"]


def flip_average(record: dict[str, Any]) -> str:
    """Return how heads on plain and on flip-averaged features do, and how the best two differ."""
    kinds = {"plain": "of the image", "flip_averaged": "mean with the mirror image's"}
    rows = [
        [
            kinds[row["features"]],
            f"{row['l2']:g}",
            f"{row['mean_accuracy']:.2%}",
            span((min(row["accuracies"]), max(row["accuracies"])), digits=2),
            f"{row['mean_loss']:.4f}",
        ]
        for row in record["rows"]
    ]
    paired, best, seeds = record["paired"], record["best"], record["seeds"]
    low, high = (f"{100 * end:+.1f}" for end in paired["difference_interval"])
    facts = [
        f"- Best penalty: {best['plain']:g}, and {best['flip_averaged']:g} for the mean. Their "
        f"heads of seed {seeds[0]} differ by {100 * paired['difference']:+.1f} points (95 % "
        f"interval {low} to {high}, n = {paired['n']}): the first alone is right on "
        f"{paired['only_first']} images, the second alone on {paired['only_second']}, "
        f"p = {paired['p']:.2g}",
        f"- Epochs: {record['epochs']}; seeds: {', '.join(map(str, seeds))}",
    ]
    head = ["Features", "L2 penalty", "Validation, mean", "Lowest to highest", "Loss, mean"]
    return "\n".join([f"{table(head, rows)}\n", *facts, measured_with(record)])


def against_keras(record: dict[str, Any]) -> str:
    """Return how `train` does beside the posts' loop, and what imports take, as two tables."""
    head = [
        "Model",
        "First epoch, with loading (s)",
        "A later epoch (s)",
        "Its CPU time (s)",
        "Memory (MiB)",
        "Times faster: a later epoch",
        "20 epochs, reckoned",
    ]
    rows = [
        [
            code(row["model"]),
            *(
                both_loops(row["runs"], what)
                for what in ("first", "later", "later_cpu", "peak_mib")
            ),
            median_and_range(row["times_faster"]["later"]),
            median_and_range(row["times_faster"]["reckoned"]),
        ]
        for row in record["rows"]
    ]
    imports = [
        [f"`import {name}`", median_and_range(seconds)]
        for name, seconds in record["imports"].items()
    ]
    about = (
        "The posts' loop, then `train`, on the same images (medians of "
        f"{record['rounds']} runs of {record['epochs']} epochs, each in a new process; ratios run "
        "by run, median and range):"
    )
    return "\n\n".join(
        [
            about,
            table(head, rows),
            verdict({row["model"]: row["times_faster"]["reckoned"] for row in record["rows"]}),
            table(["In a new process", "Seconds"], imports),
            measured_with(record),
        ]
    )


def verdict(times_faster: dict[str, dict[str, float]]) -> str:
    """Return in which rows `train` is faster over 20 epochs, and in which that is not sure."""
    slower = [code(name) for name, times in times_faster.items() if times["median"] < 1]
    unsure = [
        code(name) for name, times in times_faster.items() if times["min"] < 1 <= times["median"]
    ]
    told = [
        f"Over 20 epochs, `train` is no slower in {len(times_faster) - len(slower)} of "
        f"{len(times_faster)} rows, by the median."
    ]
    if slower:
        told.append(f"**The aim is missed by {' and '.join(slower)}.**")
    if unsure:
        told.append(f"One run or more was slower with {' and '.join(unsure)} too.")
    return " ".join(told)


def prediction(record: dict[str, Any]) -> str:
    """Return how fast `predict` is beside Keras, and what memory it takes, as two tables."""
    results = record["results"]
    head = ["Model", "Photos", "catdog (ms a photo)", "Keras (ms a photo)", "catdog to Keras"]
    rows = [
        [
            code(row["model"]),
            f"{row['files']:,}",
            *(median_and_range(row[way]["ms_per_photo"]) for way in ("catdog", "keras")),
            median_and_range(row["catdog_to_keras"]),
        ]
        for row in results["time"]
    ]
    peaks = [[f"{int(n):,}", f"{peak:,}"] for n, peak in results["memory"]["peaks"].items()]
    return "\n\n".join(
        [
            "`predict` on a folder, and `keras.Model.predict` over the same folder as "
            "`image_dataset_from_directory` serves it (median and range of "
            f"{results['rounds']} rounds, in turn):",
            table(head, rows),
            "The memory that a whole process takes at most:",
            table(["Photos", "MiB"], peaks),
            measured_with(record),
        ]
    )


def compact_speed(record: dict[str, Any]) -> str:
    """Return what an image costs `compact` and MobileNetV2, as a table."""
    rows = [
        [code(name), "{} x {}".format(*record["pixels"][name]), median_and_range(milliseconds)]
        for name, milliseconds in record["milliseconds"].items()
    ]
    ratio = (
        f"`compact` takes **{median_and_range(record['ratio'])}** of the time of MobileNetV2, in "
        f"batches of {record['batch_size']} (median and range, in turn; "
        f"{record['ratio']['bar']:.2f} was the aim):"
    )
    shown = table(["Model", "Pixels", "Milliseconds an image"], rows)
    return f"{ratio}\n\n{shown}\n\n{measured_with(record)}"


def compact_again(card: dict[str, Any]) -> str:
    """Return what the same training gave when it was done once more, as a sentence.

    Args:
        card: What `tools/ship_weights.py` wrote of the second training.
    """
    shipped = catdog.model_spec(card["model"]).shipped
    assert shipped is not None
    second = card["evaluated"]
    low, high = shipped.measured.interval
    lies = "lies" if low <= second["accuracy"] <= high else "does not lie"
    gave = "the same file, to the last bit" if card["sha256"] == shipped.sha256 else "other weights"
    return (
        f"`{card['command']}` was run a second time, from an empty folder and the same seed. It "
        f"gave {gave}: {second['right']} of {second['n']} right, {second['accuracy']:.1%}, "
        f"which {lies} in the interval of the first."
    )


def both_loops(runs: dict[str, list[dict[str, Any]]], what: str) -> str:
    """Return a figure of the posts' loop and of `train`, as `8.1 / 5.2`."""
    medians = [median(run[what] for run in runs[loop]) for loop in ("posts", "catdog")]
    return " / ".join(
        f"{value:,.0f}" if what == "peak_mib" else f"{value:.1f}" for value in medians
    )


def provenance(rows: list[dict[str, Any]]) -> str:
    """Return what the rows were measured with, as a list; rows that differ name each way."""
    facts: dict[str, list[str]] = {
        "Command": [f"`{row['command']}`" for row in rows],
        "Images": [f"`{row['data']}`" for row in rows],
        "Epochs": [str(row["epochs"]) for row in rows],
        "Versions": [versions(row) for row in rows],
        "Machine": [row["machine"] for row in rows],
    }
    # dict.fromkeys drops repetitions and keeps the order
    return "\n".join(f"- {name}: {'; '.join(dict.fromkeys(told))}" for name, told in facts.items())
