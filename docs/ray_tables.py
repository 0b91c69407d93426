"""Make the tables of feature extraction on many machines from the record of its benchmark."""

from typing import Any

from cells import measured_with, median_and_range, table

MANY = 100_000_000  # images
CORES = 1000
READ_GB_PER_SECOND = 1.0  # of a shared disk or a bucket


def runs(record: dict[str, Any]) -> str:
    """Return the seconds by images and processes, as a table."""
    counts = sorted({row["images"] for row in record["runs"]})
    workers = sorted({row["workers"] for row in record["runs"]})
    seconds = {(row["images"], row["workers"]): row["seconds"] for row in record["runs"]}
    single = {row["images"]: row["seconds"] for row in record["single"]}
    rows = [
        [
            f"{count:,}",
            *(_seconds(seconds[count, each]) for each in workers),
            f"{single[count]:.1f}",
        ]
        for count in counts
    ]
    heads = [f"Ray, {each} process{'es' if each > 1 else ''} of one core" for each in workers]
    height, width = record["photo_size"]
    return "\n\n".join(
        [
            f"Seconds to extract and write the features of drawn photos of {width} x {height} "
            f"pixels ({record['file_bytes'] / 1000:.0f} kB) with `{record['model']}` at "
            f"{record['image_size'][0]} x {record['image_size'][1]} pixels ({_rounds(record)}). "
            "The time includes the start of the processes and the compilation. Without Ray, one "
            f"process uses all {record['cores']} cores:",
            table(["Images", *heads, "Without Ray"], rows),
            f"{_rates(record, workers)}",
            measured_with(record),
        ]
    )


def _rounds(record: dict[str, Any]) -> str:
    number = record["rounds"]
    return "one run each" if number == 1 else f"median and range of {number} rounds"


def _seconds(figures: dict[str, float]) -> str:
    """Return median and range of a time, or the time alone if there was one run."""
    if figures["min"] == figures["max"]:
        return f"{figures['median']:.1f}"
    return median_and_range(figures)


def arithmetic(record: dict[str, Any]) -> str:
    """Return what 100 million images would take, estimated from the record."""
    core_seconds = seconds_per_image(record, 1)
    most = max(record["runs"], key=lambda row: row["images"])
    stored = most["stored_bytes"] / most["images"]
    compute_hours = MANY * core_seconds / CORES / 3600
    read_hours = MANY * record["file_bytes"] / (READ_GB_PER_SECOND * 1e9) / 3600
    stages = record["stages"]
    rows = [
        ["Core hours", f"{MANY * core_seconds / 3600:,.0f}"],
        [f"Hours on {CORES:,} cores", f"{compute_hours:.1f}"],
        ["Bytes read", f"{MANY * record['file_bytes'] / 1e12:.1f} TB"],
        [f"Hours to read them at {READ_GB_PER_SECOND:g} GB/s", f"{read_hours:.1f}"],
        ["Features stored", f"{MANY * stored / 1e9:,.0f} GB"],
        ["Files of features", f"{MANY / record['images_per_file']:,.0f}"],
    ]
    decode = stages["decode"] / sum(stages.values())
    limit = "reading" if read_hours > compute_hours else "computing"
    return "\n\n".join(
        [
            f"{MANY:,} images, estimated from the time for each further image on one core "
            f"({1000 * core_seconds:.1f} ms), not measured:",
            table(["", "100 million images"], rows),
            f"With {CORES:,} cores, {limit} would be the limit. Of the CPU time of an image, "
            f"decoding takes {decode:.0%}. `load_features` needs the memory for all features at "
            f"once, {MANY * stored / 1e9:,.0f} GB, which few machines have: train the head on a "
            "part of the files, which `load_features` takes as a list.",
        ]
    )


def seconds_per_image(record: dict[str, Any], workers: int) -> float:
    """Return the seconds for each further image, without what each run takes once."""
    rows = sorted(
        (row for row in record["runs"] if row["workers"] == workers), key=lambda row: row["images"]
    )
    less, more = rows[-2:]
    seconds: float = more["seconds"]["median"] - less["seconds"]["median"]
    images: int = more["images"] - less["images"]
    return seconds / images


def _rates(record: dict[str, Any], workers: list[int]) -> str:
    """Return how much faster more processes are, for each further image."""
    one = seconds_per_image(record, 1)
    listed = [
        f"{each} are {one / seconds_per_image(record, each):.2f} times as fast as one"
        for each in workers
        if each > 1
    ]
    return f"For each further image, one process takes {1000 * one:.1f} ms; {', '.join(listed)}."
