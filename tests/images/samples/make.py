"""Draw the files beside this one: `python make.py`, with pillow-heif and imagecodecs installed.

catdog reads HEIC files by pi-heif, which writes none, and Pillow writes no AVIF files of 10 bits.
So these files are drawn once, and kept. Each shows four quarters, of 24 x 16 pixels: red and green
above, blue and white below.
"""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).parent
ORIENTATION = 0x0112
COLOURS = [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 255)]]


def quarters() -> NDArray[Any]:
    """Return the image as RGB."""
    return np.repeat(np.repeat(np.array(COLOURS, np.uint8), 8, axis=0), 12, axis=1)


def encode(image: Image.Image, *others: Image.Image, **options: Any) -> bytes:
    """Return a HEIC file of one image or of several."""
    file = pillow_heif.from_pillow(image)
    for other in others:
        file.add_from_pillow(other)
    buffer = BytesIO()
    file.save(buffer, quality=80, **options)
    return buffer.getvalue()


def turned(orientation: int) -> bytes:
    """Return a file that a decoder turns upright; its EXIF data say so as well, as of phones."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(Image.fromarray(quarters()), exif=exif.tobytes())


def ten_bits() -> bytes:
    """Return a file of 10 bits per channel."""
    values = quarters().astype(np.uint16) * 257
    file = pillow_heif.from_bytes("RGB;16", (24, 16), values.tobytes())
    buffer = BytesIO()
    file.save(buffer, quality=80)
    return buffer.getvalue()


def avif_of_ten_bits() -> bytes:
    """Return an AVIF file of 10 bits per channel."""
    values = (quarters() * np.float64(1023 / 255)).astype(np.uint16)
    return bytes(imagecodecs.avif_encode(values, level=90, bitspersample=10))


def with_alpha() -> bytes:
    """Return a file whose right half is transparent."""
    image = Image.fromarray(quarters()).convert("RGBA")
    alpha = np.full((16, 24), 255, np.uint8)
    alpha[:, 12:] = 0
    image.putalpha(Image.fromarray(alpha))
    return encode(image)


def burst() -> bytes:
    """Return a file of three images, of which the second one is to be shown."""
    black = Image.new("RGB", (24, 16))
    return encode(black, Image.fromarray(quarters()), black, primary_index=1)


def box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
    """Return a box of the file format, of a length, a kind and content."""
    content = b"".join(parts)
    if version is not None:
        content = bytes([version]) + flags.to_bytes(3, "big") + content
    return struct.pack(">I", 8 + len(content)) + kind + content


def tile(colour: tuple[int, int, int]) -> tuple[bytes, bytes]:
    """Return the decoder's settings, a box, and the data of a tile of 64 x 64 pixels."""
    content = encode(Image.new("RGB", (64, 64), colour))
    at = content.index(b"hvcC") - 4
    settings = content[at : at + int.from_bytes(content[at : at + 4], "big")]
    return settings, content[content.index(b"mdat") + 4 :]


def grid() -> bytes:
    """Return a file of 2 x 2 tiles, as phones write it: red and green above, blue and white."""
    tiles = [tile(colour) for row in COLOURS for colour in row]
    settings, datas = tiles[0][0], [data for _, data in tiles]
    assert all(each == settings for each, _ in tiles)
    contents = [struct.pack(">BBBBHH", 0, 0, 1, 1, 128, 128), *datas]

    def head(offset: int) -> bytes:
        entries = []
        for number, content in enumerate(contents, 1):
            entries.append(struct.pack(">HHHII", number, 0, 1, offset, len(content)))
            offset += len(content)
        items = [
            box(b"infe", struct.pack(">HH", number, 0), kind, b"\0", version=2, flags=number > 1)
            for number, kind in enumerate([b"grid", *[b"hvc1"] * 4], 1)
        ]
        sizes = [box(b"ispe", struct.pack(">II", side, side), version=0) for side in (128, 64)]
        used = struct.pack(">I", 5) + struct.pack(">HBB", 1, 1, 0x02)
        for number in range(2, 6):
            used += struct.pack(">HBBB", number, 2, 0x81, 0x03)
        meta = box(
            b"meta",
            box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
            box(b"pitm", struct.pack(">H", 1), version=0),
            box(b"iloc", b"\x44\0", struct.pack(">H", 5), *entries, version=0),
            box(b"iinf", struct.pack(">H", 5), *items, version=0),
            box(
                b"iprp",
                box(b"ipco", settings, *sizes),
                box(b"ipma", used, version=0),
            ),
            box(
                b"iref",
                box(b"dimg", struct.pack(">HHHHHH", 1, 4, 2, 3, 4, 5)),
                version=0,
            ),
            version=0,
        )  # fmt: skip
        return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + meta

    start = len(head(0)) + 8
    return head(start) + box(b"mdat", *contents)


def main() -> None:
    """Write all files beside this one."""
    files = {
        "plain": encode(Image.fromarray(quarters())),
        "grey": encode(Image.fromarray(quarters()).convert("L")),
        "ten_bits": ten_bits(),
        "alpha": with_alpha(),
        "burst": burst(),
        "grid": grid(),
        **{f"turned_{orientation}": turned(orientation) for orientation in range(2, 9)},
    }
    for name, content in files.items():
        (HERE / f"{name}.heic").write_bytes(content)
    (HERE / "ten_bits.avif").write_bytes(avif_of_ten_bits())


if __name__ == "__main__":
    main()
