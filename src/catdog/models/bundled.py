"""Where the files that come with catdog are: trained weights, and exported models."""

from pathlib import Path

FOLDER = Path(__file__).parent / "weights"
EXPORTS = ("compact",)  # models that are also exported, so that they run without TensorFlow
REINSTALL_HINT = "Install catdog again, from the same source, with pip's --force-reinstall."
