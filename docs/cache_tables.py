"""Make the tables of the cache of decoded images from the record of its benchmark."""

from typing import Any

from cells import measured_with, median_and_range, table

IMAGES_FROM = {
    "decoded": "Decoded again",
    "cache_dir": "Read from `cache_dir`",
    "memory": "All in memory",
    "cache_dir, new": "Decoded and written to `cache_dir`",
    "cache_dir, filled": "Read from `cache_dir`",
}


def time(record: dict[str, Any]) -> str:
    """Return the time of epochs by where the images come from, as a table."""
    found, (height, width) = record["results"], record["photo_size"]
    rows = [
        [
            IMAGES_FROM[row["images_from"]],
            f"{row['first_seconds']:.1f}",
            median_and_range(row["seconds"]),
            median_and_range(row["cpu_seconds"]),
        ]
        for row in found["rows"]
    ]
    head = ["Images", "First epoch (s)", "A later epoch (s)", "CPU time of a later epoch (s)"]
    faster = found["times_faster"]
    return "\n\n".join(
        [
            f"One epoch over {found['images']:,} of {record['photos']:,} drawn photos of {width} x "
            f"{height} pixels, training and validation, without a model. The cache limit is "
            f"{record['cache_mib']} MiB, except where all are in memory (median and range of "
            f"{found['rounds']} rounds):",
            table(head, rows),
            f"Reading is {median_and_range(faster['seconds'])} times faster than decoding again, "
            f"{median_and_range(faster['cpu_seconds'])} times by CPU time. The file has "
            f"{found['cache_mib_on_disk']:,} MiB.",
            measured_with(record),
        ]
    )


def memory(record: dict[str, Any]) -> str:
    """Return the peak memory of reading two epochs, by where the images come from, as a table."""
    rows = [
        [
            IMAGES_FROM[row["images_from"]],
            f"{row['cache_mib']:,}",
            f"{row['peak']:,}",
            f"{row['above_floor']:,}",
            f"{row['cache_mib'] + row['allowance']:,}",
        ]
        for row in record["results"]["rows"]
    ]
    head = ["Images", "Cache limit (MiB)", "Peak memory", "More than a process with 200 images"]
    return f"{table([*head, 'Limit'], rows)}\n\n{measured_with(record)}"
