"""Open the model that `--model` of `catdog predict` names.

An exported model runs without Keras and TensorFlow, which take seconds to load. They are imported
when another model is opened, never before.
"""

from catdog.cli.lazy import load_keras_on_use
from catdog.cli.wording import renamed
from catdog.inference.classify import Scorer
from catdog.inference.litert_file import SUFFIX, open_bundled, open_exported
from catdog.models.bundled import EXPORTS


def open_scorer(model: str, count: int) -> Scorer:
    """Return what scores `count` images.

    Args:
        model: The path of a `.keras` file, or of a `.tflite` file that `export_model` wrote, or
            the name of a pretrained model.
        count: Number of images; for many, a Keras model is compiled.

    Raises:
        FileNotFoundError: If the file does not exist.
        OSError: If the file cannot be read.
        ValueError: If the file cannot be opened, or the name is that of a model without bundled
            weights.
    """
    if model in EXPORTS:
        return open_bundled(model)
    if model.endswith(SUFFIX):
        with renamed("path", "--model"):
            return open_exported(model)
    return _open_keras(model, count)


def _open_keras(model: str, count: int) -> Scorer:
    """Return what scores images with a Keras model."""
    load_keras_on_use()
    from catdog.cli.open import open_model, resolve_class_names
    from catdog.inference.predict import make_scorer

    opened = open_model(model, also=SUFFIX)
    resolve_class_names(opened, model)
    return make_scorer(opened, count)
