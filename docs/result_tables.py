"""Make tables of the records that the benchmarks and the examples wrote."""

from statistics import median
from typing import Any

from cells import (
    accuracy,
    code,
    measured_with,
    median_and_range,
    sentence_of,
    span,
    table,
)

import catdog
from catdog.evaluation.comparison import SIGNIFICANCE_LEVEL
from catdog.evaluation.metrics import paired_interval

CLOCKS = {
    "first": "First epoch, with loading",
    "later": "A later epoch",
    "first_cpu": "CPU time of the first epoch",
    "later_cpu": "CPU time of a later epoch",
}


def train_head(record: dict[str, Any]) -> str:
    """Return the times of `train` and `train_head`, as a table."""
    methods = {
        "plain": "`train`",
        "cold": "`train_head`, which also fills `cache_dir`",
        "warm": "`train_head` again, with the features from `cache_dir`",
    }
    rows = [
        [methods[row["way"]], f"{row['seconds']:,.1f}", accuracy(row)] for row in record["rows"]
    ]
    facts = f"- Model: `{record['model']}`, {record['epochs']} epochs, seed {record['seed']}"
    head = ["Training", "Seconds", "Validation"]
    parts = [table(head, rows), paired(record), f"{facts}\n{measured_with(record)}"]
    return "\n\n".join(parts)


def paired(record: dict[str, Any]) -> str:
    """Return the comparison of `train` and `train_head` on the same images, as sentences."""
    n, counts = record["rows"][0]["n"], record["paired"]
    only_train, only_head, p = counts["only_plain"], counts["only_cold"], counts["p"]
    low, high = (f"{100 * end:+.1f}" for end in paired_interval(only_train, only_head, n))
    found = "detectable" if p < SIGNIFICANCE_LEVEL else "not detectable"
    return (
        "`train` augments the images in every epoch, `train_head` does not. Of the "
        f"{n} images, only the model of `train` is right on {only_train}, only that of "
        f"`train_head` on {only_head}: a difference of {100 * (only_head - only_train) / n:+.1f} "
        f"points (95 % confidence interval {low} to {high}), p = {p:.4f} in McNemar's exact test, "
        f"{found} at the level of {SIGNIFICANCE_LEVEL:g}. The test is exact, the interval an "
        "approximation."
    )


def linear(record: dict[str, Any]) -> str:
    """Return the accuracy of `mobilenet_v2.linear` on test and validation images, and on all."""
    (row,) = record["rows"]
    validation, test = row["splits"]["validation"], row["splits"]["test"]
    right = {name: round(each["accuracy"] * each["n"]) for name, each in row["splits"].items()}
    return (
        f"`{row['model']}`, trained for {row['epochs']} epochs from seed {row['seed']}, classifies "
        f"{right['test']} of the {test['n']} test images correctly: {sentence_of(test)}. Of the "
        f"{validation['n']} validation images, it classifies {right['validation']} correctly: "
        f"{sentence_of(validation)}. These also chose the penalty of its head "
        "([none](#features-of-the-mirror-image)), so their accuracy may be a little too high, and "
        f"so may that of all {row['n']}: {row['right']} correct, {sentence_of(row)}.\n\n"
        f"{measured_with(record)}"
    )


def loading_scan(record: dict[str, Any]) -> str:
    """Return the time of the scan relative to decoding, and by number of files, as two tables."""
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
            f"The time of a scan of {scan['files']} real images, divided by the time of decoding "
            f"the same images (median and range of {scan['rounds']} rounds):",
            table(["Decoder", "Scan / decoding", "Limit"], compared),
            "Folders of small drawn images:",
            table(["Files", "Seconds per 1000 files"], grown),
            measured_with(record),
        ]
    )


def loading_memory(record: dict[str, Any]) -> str:
    """Return the table of peak memory by cache limit."""
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
    head = ["Cache limit (MiB)", "Peak memory", "More than a process with 200 images", "Limit"]
    return f"{table(head, rows)}\n\n{measured_with(record)}"


def feature_extraction(record: dict[str, Any]) -> str:
    """Return the speed of the backbone by method, as a table for each input size."""
    head = [
        "Method",
        "Milliseconds per image",
        "Seconds until the first batch",
        "Largest difference",
    ]
    parts = []
    for result in record["results"]:
        rows = [feature_extraction_cells(row) for row in result["rows"]]
        rows.append(["XLA (once)", *xla_cells(result["xla"]), ""])
        about = (
            f"`{result['model']}`, {result['side']} pixels (median and range of "
            f"{result['rounds']} rounds over {result['images']} images; the largest feature is "
            f"{result['largest_feature']:.1f}):"
        )
        pays = f"With these medians, LiteRT saves time from {result['pays_from']:,} images on."
        parts += [about, table(head, rows), pays]
    return "\n\n".join([*parts, measured_with(record)])


def feature_extraction_cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one method; a cell is empty if it was not measured."""
    return [
        row["way"],
        median_and_range(row["ms"]) if "ms" in row else "",
        median_and_range(row["setup"]) if "setup" in row else "",
        f"{row['largest_difference']:.6f}" if "ms" in row else "",
    ]


def xla_cells(xla: dict[str, Any]) -> list[str]:
    """Return the speed and the setup time of XLA, or its time limit if it took longer."""
    if "longer_than" in xla:
        return ["", f"more than {xla['longer_than']:.0f}"]
    return [f"{xla['ms']:.2f}", f"{xla['setup']:.2f}"]


def flip_average(record: dict[str, Any]) -> str:
    """Return the accuracies of heads on plain and flip-averaged features, and compare the best."""
    kinds = {"plain": "of the image", "flip_averaged": "mean of image and mirror image"}
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
        f"confidence interval {low} to {high}, n = {paired['n']}): only the first is right on "
        f"{paired['only_first']} images, only the second on {paired['only_second']}, "
        f"p = {paired['p']:.2g}",
        f"- Images: {paired['n']}; epochs: {record['epochs']}; seeds: {', '.join(map(str, seeds))}",
    ]
    head = ["Features", "L2 penalty", "Validation, mean", "Lowest to highest", "Loss, mean"]
    return "\n".join([f"{table(head, rows)}\n", *facts, measured_with(record)])


def against_keras(record: dict[str, Any]) -> str:
    """Return the speed of `train` and of the blog posts' loop, and import times, as two tables."""
    head = [
        "Model",
        "First epoch, with loading (s)",
        "A later epoch (s)",
        "CPU time of a later epoch (s)",
        "Memory (MiB)",
        "Times faster: first epoch",
        "a later epoch",
        "by CPU time: first",
        "later",
    ]
    rows = [
        [
            code(row["model"]),
            *(
                both_loops(row["runs"], what)
                for what in ("first", "later", "later_cpu", "peak_mib")
            ),
            *(median_and_range(row["times_faster"][what]) for what in CLOCKS),
        ]
        for row in record["rows"]
    ]
    imports = [
        [f"`import {name}`", median_and_range(seconds)]
        for name, seconds in record["imports"].items()
    ]
    about = (
        "The loop of the blog posts / `train`, on the same images (medians of "
        f"{record['rounds']} runs of {record['epochs']} epochs, each in a new process; median and "
        "range of the ratios of the runs):"
    )
    return "\n\n".join(
        [
            about,
            table(head, rows),
            verdict({row["model"]: row["times_faster"] for row in record["rows"]}),
            table(["In a new process", "Seconds"], imports),
            measured_with(record),
        ]
    )


def verdict(times_faster: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return in which rows `train` is slower, as a list with a line for each measurement."""
    lines = []
    for what, name in CLOCKS.items():
        slower = [code(model) for model, times in times_faster.items() if times[what]["median"] < 1]
        line = f"- {name}: slower in {len(slower)} of {len(times_faster)} rows (median)"
        only_some = 0 < len(slower) < len(times_faster)
        lines.append(f"{line}: {', '.join(slower)}" if only_some else line)
    return "\n".join(lines)


def predict_memory(record: dict[str, Any]) -> str:
    """Return the peak memory of `predict` on two numbers of photos, as a table."""
    results = record["results"]
    peaks = [[f"{int(count):,}", f"{peak:,}"] for count, peak in results["peaks"].items()]
    about = f"The peak memory of a process that predicts with `{results['model']}`:"
    return "\n\n".join([about, table(["Photos", "MiB"], peaks), measured_with(record)])


def page_agreement(record: dict[str, Any]) -> str:
    """Return how far the web page agrees with `predict` on photos, as a table."""
    head = [
        "Model",
        "Page (MB)",
        "Photos",
        "Same label",
        "Difference of probabilities in points: median",
        "99th percentile",
        "largest",
        "Milliseconds per photo",
    ]
    rows = [
        [
            code(row["model"]),
            f"{row['megabytes']:.1f}",
            f"{each['n']:,}",
            f"{each['same_label']:,}",
            *(
                f"{100 * each['difference'][name]:.4f}"
                for name in ("median", "percentile_99", "max")
            ),
            "{median:.0f} ({min:.0f} to {max:.0f})".format(**row["milliseconds"]),
        ]
        for row in record["rows"]
        for each in row["agreement"]
    ]
    requests = sum(row["requests"] for row in record["rows"])
    facts = (
        f"- {record['rows'][0]['browser']}, with the page opened from the disk; the time is from "
        "the file to the answer (median and range over all photos)\n"
        f"- Requests of the pages: {requests}"
    )
    return f"{table(head, rows)}\n\n{facts}\n{measured_with(record)}"


def compact_speed(record: dict[str, Any]) -> str:
    """Return the time per image of `compact` and MobileNetV2, as a table."""
    rows = [
        [code(name), "{} x {}".format(*record["pixels"][name]), median_and_range(milliseconds)]
        for name, milliseconds in record["milliseconds"].items()
    ]
    ratio = (
        f"`compact` takes **{median_and_range(record['ratio'])}** of the time of MobileNetV2, in "
        f"batches of {record['batch_size']} (median and range, alternating; the aim is at most "
        f"{record['ratio']['bar']:.2f}):"
    )
    times = table(["Model", "Pixels", "Milliseconds per image"], rows)
    return f"{ratio}\n\n{times}\n\n{measured_with(record)}"


def compact_again(record: dict[str, Any]) -> str:
    """Return the result of a second run of the same training, as a sentence.

    Args:
        record: The record of the second training, which `tools/bundle_weights.py` wrote.
    """
    pretrained = catdog.model_spec(record["model"]).pretrained
    assert pretrained is not None
    second = record["evaluated"]
    low, high = pretrained.measured.interval
    lies = "lies" if low <= second["accuracy"] <= high else "does not lie"
    same = record["sha256"] == pretrained.sha256
    gave = "exactly the same file" if same else "other weights"
    return (
        f"`{record['command']}` was run a second time, from an empty folder and the same seed. It "
        f"gave {gave}: {second['right']} of {second['n']} images are classified correctly, "
        f"{sentence_of(second)}. The accuracy {lies} in the interval of the first run."
    )


def both_loops(runs: dict[str, list[dict[str, Any]]], what: str) -> str:
    """Return a figure of the blog posts' loop and of `train`, as `8.1 / 5.2`."""
    medians = [median(run[what] for run in runs[loop]) for loop in ("posts", "catdog")]
    return " / ".join(
        f"{value:,.0f}" if what == "peak_mib" else f"{value:.1f}" for value in medians
    )


def quickstart(record: dict[str, Any]) -> str:
    """Return the CPU time and the accuracy of the six lines and of the quickstart, as a table."""
    names = {"six_lines": "the six lines", "quickstart": "the quickstart"}
    rows = [
        [names[row["way"]], seconds(row["cpu_seconds"]), right(row), accuracy(row["runs"][0])]
        for row in record["rows"]
        if row["way"] in names
    ]
    head = ["Script", "CPU time (s)", "Correct in each run", "Test accuracy, first run"]
    facts = f"Median and range of {record['rounds']} runs; CPU time is the sum over all cores:"
    return f"{facts}\n\n{table(head, rows)}\n\n{measured_with(record)}"


def repeats(record: dict[str, Any], other: dict[str, Any]) -> str:
    """Return the results of the six lines where numbers are added in other orders, as a table.

    Args:
        record: The runs on one machine.
        other: The runs on a machine with another processor.
    """
    names = {
        "six_lines": f"the same machine, {record['rounds']} runs",
        "six_lines_on_one_core": "on one core",
        "six_lines_without_onednn": "without the kernels of oneDNN",
    }
    rows = [[names[row["way"]], right(row)] for row in record["rows"] if row["way"] in names]
    rows += [
        ["on another processor, without AVX-512", right(row)]
        for row in other["rows"]
        if row["way"] == "six_lines"
    ]
    head = ["The six lines", "Test images classified correctly"]
    return f"{table(head, rows)}\n\n{measured_with(record)}"


def right(row: dict[str, Any]) -> str:
    """Return the number of correct images in each run, as `348, 348, 348 of 400`."""
    return f"{', '.join(str(run['right']) for run in row['runs'])} of {row['runs'][0]['n']}"


def seconds(figures: dict[str, float]) -> str:
    """Return `57 (55 to 60)`."""
    return f"{figures['median']:.0f} ({figures['min']:.0f} to {figures['max']:.0f})"
