"""Find shortcuts: cues of the images, other than their content, that predict the class."""

from collections import Counter
from collections.abc import Hashable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog._utils import checks
from catdog._utils.public import public
from catdog.data.datasets import Datasets
from catdog.evaluation.folds import units_and_folds
from catdog.evaluation.metrics import effective_number, wilson_interval
from catdog.evaluation.one_cue import (
    MIN_ERROR_REDUCTION,
    predict_from_categories,
    predict_from_neighbours,
)
from catdog.evaluation.shortcut_report import (
    CUE_KINDS,
    CUES,
    SPLITS_USED,
    Cue,
    Shortcut,
    Shortcuts,
    typical_values,
)
from catdog.images.cues import LONGER_SIDE, ImageCues, find_cues
from catdog.images.reduced import map_reduced
from catdog.typing import Floats, Labels

MAX_FOLDS = 5
SIGNIFICANCE_LEVEL = 0.05  # of all cues together


@public
def find_shortcuts(data: Datasets, *, seed: int = 0) -> Shortcuts:
    """Predict the class from cues that are not the content of the images, each cue alone.

    If all cats were photographed with one camera and all dogs with another, a model can learn the
    camera instead of the animals. Its accuracy on these images is high; on new images it is not.
    The cues are the image size, the aspect ratio, the file format, the file size, the JPEG quality
    (the mean quantization step), the mean brightness, the colour cast, the border (mean and
    standard deviation of the colours of the outer ring), and the camera (by the EXIF data).

    The classes are predicted by stratified cross-validation on the training and validation images:
    from categories by the most common class of each, from numbers by nearest neighbours. Near
    duplicates and groups of images are in the same fold. The test images are not used, so that what
    you decide after this does not depend on them.

    A cue is flagged if it predicts the class detectably better than the majority-class baseline:

    - The lower end of its confidence interval counts. For the flags, the level of the interval is
      raised by the number of cues (Bonferroni), so that the probability of a false alarm is about
      5 % at most for all cues together. The printed interval is that of the cue alone, 95 %.
    - With groups, an interval counts the groups, because images of a group are alike; groups of
      uneven size count as fewer (Kish's effective number). Without
      `group_by`, frames of one video count as independent images, and cause false alarms.
    - The lower end must show that at least a tenth of the baseline's errors are avoided: with a
      baseline of 50 %, it must be above 55 %. A smaller advantage explains little of a good
      model's accuracy.

    A flag is no error. A cue may be part of the content, as a bright background is where the
    animal lives. Ask whether new images will show it too.

    Args:
        data: The images and their labels.
        seed: Seed of the random folds, from 0 to 2**31 - 1.

    Returns:
        The accuracy of each cue, the highest first.

    Raises:
        TypeError: If `data` is not what `load_datasets` returns.
        ValueError: If a class has fewer than two different images or groups outside the test set,
            an image was changed or removed after it was loaded, or `seed` is out of its range.

    Example:
        ```python
        from catdog import find_shortcuts, load_datasets

        print(find_shortcuts(load_datasets("synthetic")))
        ```

    Source: R. Geirhos and others, "Shortcut Learning in Deep Neural Networks", Nature Machine
    Intelligence 2 (2020); A. Torralba and A. A. Efros, "Unbiased Look at Dataset Bias", CVPR 2011;
    L. A. Goodman and W. H. Kruskal, "Measures of Association for Cross Classifications", JASA 49
    (1954), for the share of errors that are avoided (lambda); L. Kish, "Survey Sampling" (1965),
    for the effective number of groups.
    """
    checks.check_made_by("data", data, Datasets, "load_datasets")
    seed = checks.check_seed(seed)
    labels = np.concatenate([data.labels(split) for split in SPLITS_USED])
    counts = range(MAX_FOLDS, 1, -1)
    units, folds = units_and_folds(data, SPLITS_USED, labels, counts, seed)
    paths = [path for split in SPLITS_USED for path in data.paths(split)]
    found = map_reduced(find_cues, paths, LONGER_SIDE, "Looking for shortcuts")
    return compare_cues(found, labels, data.class_names, units, folds)


def compare_cues(
    found: Sequence[ImageCues],
    labels: Labels,
    class_names: Sequence[str],
    units: Sequence[Hashable],
    folds: Sequence[NDArray[np.intp]],
) -> Shortcuts:
    """Predict the class from each cue, and compare the accuracies with the baseline.

    Args:
        found: The cues of each image.
        labels: Class of each image, shape `(n,)`.
        class_names: Names of the classes.
        units: Group or content of each image; images of the same unit count once in an interval,
            and units of uneven size as fewer.
        folds: Positions of the images in each fold.
    """
    columns = {cue: [getattr(cues, cue) for cues in found] for cue in CUES}
    varying = [cue for cue in CUES if len(set(columns[cue])) > 1]
    baseline = float(np.bincount(labels).max() / len(labels))
    sizes = np.array([*Counter(units).values()])
    n_effective = effective_number(sizes)
    limit = baseline + MIN_ERROR_REDUCTION * (1 - baseline)
    z = NormalDist().inv_cdf(1 - SIGNIFICANCE_LEVEL / max(1, len(varying)))
    shortcuts = []
    for cue in varying:
        accuracy = float(np.mean(_predict(cue, columns[cue], labels, folds) == labels))
        right = accuracy * n_effective
        shortcuts.append(
            Shortcut(
                cue,
                accuracy,
                wilson_interval(right, n_effective),
                flagged=wilson_interval(right, n_effective, z=z)[0] > limit,
                typical=typical_values(cue, columns[cue], labels, class_names),
            )
        )
    shortcuts.sort(key=lambda shortcut: -shortcut.accuracy)
    constant = tuple(cue for cue in CUES if cue not in varying)
    return Shortcuts(tuple(shortcuts), constant, baseline, len(found), len(sizes), len(folds))


def _predict(
    cue: Cue, values: Sequence[Any], labels: Labels, folds: Sequence[NDArray[np.intp]]
) -> Labels:
    """Predict the class of each image from one cue, by cross-validation."""
    kind = CUE_KINDS[cue]
    if not kind.shown:
        return predict_from_categories(values, labels, folds)
    numbers: Floats = np.array(values, np.float64)
    return predict_from_neighbours(np.log(numbers) if kind.ratios else numbers, labels, folds)
