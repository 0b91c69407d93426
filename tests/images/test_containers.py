"""AVIF and HEIC files: upright, over white, never used in part, and HEIC without its package."""

import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from catdog.images.containers import open_image
from catdog.images.decode import read_rgb
from catdog.images.formats import UnsupportedFormatError, find_container
from catdog.images.identify import is_image_file
from catdog.images.inputs import ImageSource, read_image
from catdog.images.thumbnails import upright_size
from tests.images.odd_files import noise

SAMPLES = Path(__file__).parent / "samples"
HEIC = sorted(path.stem for path in SAMPLES.glob("*.heic"))
ORIENTATION = 0x0112
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")


def heic(name: str) -> bytes:
    return (SAMPLES / f"{name}.heic").read_bytes()


def quarters() -> Image.Image:
    colours = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8)
    return Image.fromarray(np.repeat(np.repeat(colours, 8, axis=0), 12, axis=1))


def avif(image: Image.Image | None = None, **options: Any) -> bytes:
    buffer = BytesIO()
    (image or quarters()).save(buffer, "AVIF", subsampling="4:4:4", quality=95, **options)
    return buffer.getvalue()


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Return the colours of the four quarters, without the errors of the encoder."""
    right, low = image.width - 3, image.height - 3
    found = np.asarray(image)[[2, 2, low, low], [2, right, 2, right]]
    return [tuple(each) for each in (found.astype(float) / 255).round().astype(int) * 255]


ANY_FILE: dict[str, Callable[[], bytes]] = {name: partial(heic, name) for name in HEIC}
if features.check("avif"):
    ANY_FILE |= {
        "avif": avif,
        "avif alpha": lambda: avif(quarters().convert("RGBA")),
        "avif frames": lambda: avif(save_all=True, append_images=[quarters().rotate(180)]),
        "avif ten bits": (SAMPLES / "ten_bits.avif").read_bytes,
    }


@pytest.mark.parametrize("name", ANY_FILE)
def test_a_cut_file_is_never_used(name: str) -> None:
    content = ANY_FILE[name]()
    read_rgb(content)
    for length in range(1, len(content), 3):
        with pytest.raises(ValueError, match="Cannot read the image"):
            read_rgb(content[:length])
    for missing in (1, 40):
        with pytest.raises(ValueError, match=f"truncated .{missing} bytes are missing"):
            read_rgb(content[:-missing])


@pytest.mark.parametrize("name", ANY_FILE)
def test_a_file_that_is_filled_up_with_zeros(name: str) -> None:
    content = ANY_FILE[name]()
    for missing in (64, 100, 300):
        with pytest.raises(ValueError, match="truncated: the end of the file is empty"):
            read_rgb(content[:-missing] + bytes(missing))


@needs_avif
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_pillow_image_is_checked_as_its_file_is(mode: str) -> None:
    content = avif(Image.fromarray(noise(90, 120)).convert(mode))

    def read(content: bytes) -> Image.Image:
        return read_image(ImageSource(Image.open(BytesIO(content)), "it"))

    assert np.array_equal(np.asarray(read(content)), np.asarray(read_rgb(content)))
    for missing in (64, len(content) // 2):
        damaged = content[:-missing] + bytes(missing)
        with pytest.raises(ValueError, match="it: image file is truncated: the end of the file"):
            read(damaged)


@pytest.mark.parametrize("name", ANY_FILE)
def test_what_programs_append_does_no_harm(name: str) -> None:
    content = ANY_FILE[name]()
    expected = np.asarray(read_rgb(content))
    padding = struct.pack(">I4s", 208, b"free") + bytes(200)
    for more in (padding, b"\0\0\0\x0cabcd1234", b"<?xpacket end?>", b"\n"):
        assert np.array_equal(np.asarray(read_rgb(content + more)), expected), more


@pytest.mark.parametrize("name", ["plain", "ten_bits", "grid"])
def test_heic_colours(name: str) -> None:
    image = read_rgb(heic(name))
    assert corners(image) == [RED, GREEN, BLUE, WHITE]
    assert image.size == ((128, 128) if name == "grid" else (24, 16))


def test_heic_greys_and_alpha() -> None:
    grey = np.asarray(read_rgb(heic("grey")))
    assert (grey[..., 0] == grey[..., 2]).all()
    assert corners(read_rgb(heic("alpha"))) == [RED, WHITE, BLUE, WHITE]  # transparent at the right


@pytest.mark.parametrize("orientation", range(2, 9))
def test_heic_is_turned_once(orientation: int) -> None:
    """The decoder turns the pixels, and the EXIF data of the file say so as well."""
    content = heic(f"turned_{orientation}")
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    buffer = BytesIO()
    quarters().save(buffer, "PNG", exif=exif)
    expected = read_rgb(buffer.getvalue())
    image = read_rgb(content)
    assert (image.size, corners(image)) == (expected.size, corners(expected))
    assert upright_size(ImageSource(content, "it")) == (expected.height, expected.width)


def test_heic_is_not_turned_by_its_exif_data_alone() -> None:
    """The container decides, by the standard."""
    content = heic("turned_6").replace(b"irot\x03", b"irot\0")
    assert corners(read_rgb(content)) == [RED, GREEN, BLUE, WHITE]


@needs_avif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_once(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    buffer = BytesIO()
    quarters().save(buffer, "PNG", exif=exif)
    expected = read_rgb(buffer.getvalue())
    content = avif(exif=exif)
    for image in (
        read_rgb(content),
        read_image(ImageSource(Image.open(BytesIO(content)), "the user's")),
    ):
        assert (image.size, corners(image)) == (expected.size, corners(expected))
    assert upright_size(ImageSource(content, "it")) == (expected.height, expected.width)


@needs_avif
def test_avif_colours_and_alpha() -> None:
    assert corners(read_rgb(avif())) == [RED, GREEN, BLUE, WHITE]
    ten_bits = (SAMPLES / "ten_bits.avif").read_bytes()
    assert corners(read_rgb(ten_bits)) == [RED, GREEN, BLUE, WHITE]
    image = quarters().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat([[255] * 12 + [0] * 12], 16, axis=0).astype(np.uint8)))
    assert corners(read_rgb(avif(image))) == [RED, WHITE, BLUE, WHITE]


@needs_avif
def test_the_first_frame_of_an_avif_film() -> None:
    content = avif(save_all=True, append_images=[quarters().rotate(180)])
    with open_image(BytesIO(content)) as image:
        assert getattr(image, "is_animated", False)
    assert corners(read_rgb(content)) == [RED, GREEN, BLUE, WHITE]


def test_the_image_that_a_heic_burst_shows() -> None:
    with open_image(BytesIO(heic("burst"))) as image:
        assert getattr(image, "is_animated", False)
    assert corners(read_rgb(heic("burst"))) == [RED, GREEN, BLUE, WHITE]
    with open_image(BytesIO(heic("grid"))) as image:
        assert not getattr(image, "is_animated", True)  # its tiles are no images


def of_size(content: bytes, width: int, height: int) -> bytes:
    """Return a file that says it has another size."""
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">II", width, height) + content[at + 8 :]


@pytest.mark.parametrize("name", ["grid", pytest.param("avif", marks=needs_avif)])
def test_bombs(name: str) -> None:
    content = ANY_FILE[name]()
    with pytest.raises(ValueError, match="more than 178 million pixels; save a smaller copy"):
        read_rgb(of_size(content, 16_000, 16_000))
    for size in ((40_000, 40_000), (2**31, 2**31), (0, 5)):
        with pytest.raises(ValueError, match="Cannot read the image"):
            read_rgb(of_size(content, *size))


def test_a_codec_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="holds no image that pi-heif can decode"):
        read_rgb(heic("plain").replace(b"hvc1", b"jpeg"))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x1cftypavis\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"II*\0", "TIFF"),
        (b"MM\0+", "TIFF"),
        (b"\0\0\0\x1cftypisom\0\0\0\0", None),
        (b"\xff\xd8\xff", None),
    ],
)
def test_signatures(start: bytes, expected: str | None, tmp_path: Path) -> None:
    assert find_container(start.ljust(64, b"\0")) == expected
    (tmp_path / "unnamed").write_bytes(start)
    assert is_image_file(tmp_path / "unnamed") == (expected is not None)


@needs_avif
def test_an_avif_file_with_the_brand_of_any_image() -> None:
    content = avif().replace(b"ftypavif", b"ftypmif1")
    assert corners(read_rgb(content)) == [RED, GREEN, BLUE, WHITE]


def test_heic_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    hint = r'HEIC, which needs .*: python -m pip install "\.\[heif\]"\.$'
    with pytest.raises(ValueError, match=hint):
        read_rgb(heic("plain"))


def test_avif_without_support(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)
    with pytest.raises(UnsupportedFormatError, match="it is AVIF, which this build of Pillow"):
        open_image(BytesIO(b"\0\0\0\x1cftypavif\0\0\0\0"))


def test_heic_in_threads() -> None:
    contents = [heic(name) for name in HEIC] * 4
    expected = [np.asarray(read_rgb(content)) for content in contents]
    with ThreadPoolExecutor(8) as pool:
        for image, pixels in zip(pool.map(read_rgb, contents), expected, strict=True):
            assert np.array_equal(np.asarray(image), pixels)


def test_the_package_is_loaded_late_and_registers_nothing() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from PIL import Image\n"
        "from catdog.images.decode import read_rgb\n"
        "assert 'pi_heif' not in sys.modules\n"
        f"read_rgb(Path({str(SAMPLES / 'plain.heic')!r}))\n"
        "assert 'pi_heif' in sys.modules\n"
        "assert 'HEIF' not in Image.OPEN\n"
        "assert not {'.heic', '.heif'} & Image.registered_extensions().keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
