"""Make tables of the record of the leak check."""

from typing import Any

from cells import accuracy, measured_with, sentence_of, table

from catdog.evaluation.comparison import SIGNIFICANCE_LEVEL

NAMES = {
    "cats_and_dogs_filtered": "photos of cats and dogs",
    "synthetic": "drawn cats and dogs, each drawn once",
    "signdigits": "hand signs of 150 persons",
    "signdigits, by person": "the same, `group_by` the persons",
    "drawn bursts": "60 drawn animals, 20 frames each",
    "drawn bursts, near duplicates together": "the same, near duplicates together",
    "drawn bursts, by animal": "the same, `group_by` the animals",
}
SHOWN = ("files", "near duplicates", "groups", 0, 2, 4)  # the numbers are levels of clusters


def sets(record: dict[str, Any]) -> str:
    """Return the accuracy of each set, on its test set and by what is held out."""
    rows = [
        [
            NAMES[row["set"]],
            accuracy(row),
            *(held_out(row["leaks"]["levels"], each) for each in SHOWN),
            "yes" if row["leaks"]["warnings"] else "no",
        ]
        for row in record["rows"]
    ]
    head = [
        "Images",
        "Test set",
        "Held out: files",
        "near duplicates",
        "groups",
        "small clusters",
        "larger ones",
        "the largest",
        "Warning",
    ]
    facts = [
        f"- Model: `{record['model']}`, trained by `train_head`, seed 0",
        "- Test set: the accuracy that `evaluate` prints. The other columns are cross-validated on "
        "the images of all three sets; of clusters, the least similarity is in brackets.",
    ]
    return "\n\n".join([table(head, rows), "\n".join([*facts, measured_with(record)])])


def held_out(levels: list[dict[str, Any]], which: str | int) -> str:
    """Return the accuracy of a level, of clusters with their similarity; else nothing."""
    if isinstance(which, int):
        level = [each for each in levels if each["similarity"]][which]
        return f"{held_out([level], 'clusters')} ({level['similarity']:g})"
    for level in levels:
        if which == level["held_out"]:
            return "left out" if level["accuracy"] is None else f"{level['accuracy']:.1%}"
    return ""


def groups(record: dict[str, Any]) -> str:
    """Return the accuracies without and with groups, as sentences."""
    rows = {row["set"]: row for row in record["rows"]}
    lines = []
    for each in record["differences"]:
        without, grouped = (rows[name] for name in each["sets"])
        found = "detectable" if each["p_value"] < SIGNIFICANCE_LEVEL else "not detectable"
        lines.append(
            f"- {NAMES[without['set']]}: {sentence_of(without)} of {without['n']} test images "
            f"without groups, {sentence_of(grouped)} of {grouped['n']} with groups; the difference "
            f"is {found} (p = {each['p_value']:.2g}, Fisher's exact test)"
        )
    return "\n".join(lines)


def near_duplicates(record: dict[str, Any]) -> str:
    """Return what `find_near_duplicates` finds in each set, as a table and a list."""
    rows = [
        [
            NAMES[row["set"]],
            *(
                f"{row['near_duplicates'][key]:,}"
                for key in ("n", "n_pairs", "clusters", "n_in_two_classes", "n_in_two_splits")
            ),
        ]
        for row in record["rows"]
        if row["set"] in {"cats_and_dogs_filtered", "synthetic", "signdigits", "drawn bursts"}
    ]
    head = ["Images", "Number", "Pairs", "Clusters", "Pairs in two classes", "Pairs in two sets"]
    animal, pot = record["by_animal"], record["flowerpot"]
    facts = [
        f"- Of the {animal['pairs']:,} pairs of frames of one drawn animal, {animal['found']:,} "
        f"are found; {animal['false']:,} of the pairs found are of two animals.",
        f"- Of {pot['frames']} frames of one flowerpot, among {pot['others']} photos of cats and "
        f"dogs, {pot['neighbours_found']} of the {pot['neighbours']} pairs of neighbouring frames "
        f"are found, and {pot['frames_with_a_partner']} frames have a partner; "
        f"{pot['pairs_with_or_of_others']} of the pairs found include another photo.",
    ]
    return "\n\n".join([table(head, rows), "\n".join(facts)])


def warning_rates(record: dict[str, Any]) -> str:
    """Return in how many random samples the curve warns, as a table."""
    rows = [
        [NAMES[row["set"]], str(row["images"]), f"{row['warned']} of {row['draws']}"]
        for row in record["warnings"]
    ]
    return table(["Random samples of", "Images in a sample", "With a warning"], rows)
