"""Train, evaluate and save a classifier.

    python examples/quickstart.py                                  # the built-in images, offline
    python examples/quickstart.py --data cats_and_dogs_filtered    # the real ones (68.6 MB)
    python examples/quickstart.py --data my_images --model mobilenet_v2 --epochs 5

The figures and the model are written to the folder `quickstart_output`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from catdog import (
    Datasets,
    baseline_accuracy,
    build_model,
    evaluate,
    load_datasets,
    load_model,
    make_augmentation,
    plot_augmentation,
    plot_confusion,
    plot_examples,
    plot_history,
    predict,
    save_model,
    train,
)


def show_data(data: Datasets, out: Path) -> None:
    """Print the data, and save figures of examples and of augmented copies."""
    print(data)
    save(plot_examples(data, per_class=4), out / "examples.png")
    images, _ = next(iter(data.validation))
    save(plot_augmentation(images[0], make_augmentation(seed=0)), out / "augmentation.png")


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file, and print its path."""
    figure.savefig(path, dpi=100)
    print(f"wrote {path}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="synthetic", help="data set or folder")
    parser.add_argument("--model", default="cnn", help="a name of list_models()")
    parser.add_argument("--image-size", type=int, default=64, help="pixels a side")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-bad", action="store_true", help="leave out unreadable images")
    parser.add_argument("--out", type=Path, default=Path("quickstart_output"))
    options = parser.parse_args(arguments)
    plt.switch_backend("Agg")  # figures are saved; no window is needed
    options.out.mkdir(parents=True, exist_ok=True)

    size = (options.image_size, options.image_size)
    data = load_datasets(
        options.data,
        image_size=size,
        seed=options.seed,
        on_bad_image="skip" if options.skip_bad else "raise",
    )
    show_data(data, options.out)
    baseline = baseline_accuracy(data)
    print(f"baseline accuracy on the test set: {baseline:.1%}\n")

    model = build_model(
        options.model, image_size=size, num_classes=len(data.class_names), seed=options.seed
    )
    history = train(model, data, epochs=options.epochs, patience=5)
    result = evaluate(model, data, verbose=0)
    print(f"\n{result}\n")

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    plot_history(history, baseline=baseline, ax=left)
    plot_confusion(result, ax=right)
    save(figure, options.out / "result.png")
    save_model(model, options.out / "model.keras")
    print(f"wrote {options.out / 'model.keras'}: catdog.load_model and Keras can open it")
    print("\nPredictions of the saved model for three test images:")
    for prediction in predict(load_model(options.out / "model.keras"), data.paths("test")[:3]):
        print(prediction)


if __name__ == "__main__":
    main()
