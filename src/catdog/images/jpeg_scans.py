"""JPEG images of which a part is missing, although the file has an end.

libjpeg gives no error for them: missing blocks become grey, and missing detail becomes blur.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile

_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # in the data, FF 00 and restarts are none
_SIZES = range(0xC0, 0xD0)  # markers of a frame's size and components, but for the next three
_TABLES = (0xC4, 0xC8, 0xCC)
_PROGRESSIVE = 0xC2
_HUFFMAN = (0xC0, 0xC1, _PROGRESSIVE)
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FILL_BYTE = 0xFF
_IS_MARKER = np.ones(256, np.bool_)  # behind FF, as in `_NEXT_MARKER`
_IS_MARKER[[0x00, *range(0xD0, 0xD8), _FILL_BYTE]] = False
_COEFFICIENTS = 64  # of a block of 8 x 8 pixels
MISSING_GREYS = (127, 128)  # what missing blocks become, in all modes
_FILL = 8 * b"\xfe"  # libjpeg fills a register of 64 bits before it decodes
_RESTART_INTERVAL = b"\xff\xdd\0\x04"  # the segment that says how many blocks are between two
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")


@dataclass(frozen=True)
class _Scan:
    """One scan: the coefficients `first` to `last` of some components, but for the lowest bits."""

    components: Sequence[int]
    first: int
    last: int
    missing_bits: int


@dataclass
class JpegStructure:
    """The frame and the scans of a JPEG file.

    Attributes:
        frame: Marker of the frame, which says how the file is coded.
        components: Numbers of the colour components.
        scans: The scans, up to the first that holds all.
        start_of_data: Where the data of the last scan begin.
    """

    frame: int
    components: Sequence[int]
    scans: list[_Scan]
    start_of_data: int = 0

    def is_one_scan(self) -> bool:
        """Return whether the first scan holds all; then the decoder gives pixels as it reads."""
        count = len(self.scans[0].components) if self.scans else 0
        return self.frame != _PROGRESSIVE and count == len(self.components)

    def has_all_scans(self) -> bool:
        """Return whether the scans hold all bits of all coefficients of all components."""
        bits = {component: [-1] * _COEFFICIENTS for component in self.components}
        for scan in self.scans:
            for component in set(scan.components) & set(bits):
                for coefficient in range(scan.first, scan.last + 1):
                    bits[component][coefficient] = scan.missing_bits
        return not any(any(each) for each in bits.values())


def load_jpeg(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Load the pixels of an opened JPEG image; return whether they are complete.

    A progressive image is decoded here, in the time that Pillow takes. Others are decoded by
    Pillow, and once more if the last pixel has the grey of missing blocks. Two things cannot be
    seen: that a part of the last block is missing, and what is missing after arithmetic coding.
    Damage in the middle is seen only if restart markers are missing.

    Args:
        image: The image; its pixels are loaded, unless a part of them is missing.
        content: The file.
    """
    structure = read_structure(content)
    if structure is None or structure.frame not in _HUFFMAN:
        image.load()
        return True
    if not structure.is_one_scan():
        return structure.has_all_scans() and _decode_complete(image, content, structure)
    image.load()
    if not _has_restarts_in_order(content, structure.start_of_data):
        return False
    if not _is_grey_at_the_end(image):
        return True
    with Image.open(BytesIO(content), formats=["JPEG"]) as again:
        again.draft(None, (1, 1))
        return _decode_complete(again, content, structure)


def _has_restarts_in_order(content: bytes, start: int) -> bool:
    """Return whether the restart markers of a scan count from 0 to 7, again and again.

    libjpeg goes on after a gap, with the blocks behind it in the wrong place.
    """
    if _RESTART_INTERVAL not in content[:start]:
        return True
    end = match.start() if (match := _NEXT_MARKER.search(content, start)) else len(content)
    numbers = [marker[0] - 0xD0 for marker in _RESTART.findall(content, start, end)]
    return numbers == [position % 8 for position in range(len(numbers))]


def _is_grey_at_the_end(image: Image.Image) -> bool:
    box = (image.width - 1, image.height - 1, image.width, image.height)
    return set(image.crop(box).tobytes()) <= set(MISSING_GREYS)


def _decode_complete(image: ImageFile.ImageFile, content: bytes, structure: JpegStructure) -> bool:
    """Decode an image; return whether its data are complete.

    The decoder gets the data without the marker behind them, and then bytes that have no meaning,
    one by one. If it waits for data, it leaves some of them for later, because it cannot decode the
    next block yet. Once it has all blocks, it drops them.
    """
    start = structure.start_of_data
    end = match.start() if (match := _NEXT_MARKER.search(content, start)) else len(content)
    image.load_prepare()
    name, box, offset, options = image.tile[0]
    # Not public in Pillow (11.0 to 13.0); `ImageFile.Parser` is, but does not take JPEG files.
    decoder = Image._getdecoder(image.mode, name, options, image.decoderconfig)
    try:
        decoder.setimage(image.im, box)
        for data in (content[offset:end] + _FILL, *_more_data(content, start, end)):
            done, error = decoder.decode(data)
            if done < 0:
                break
            if done < len(data):
                return False
        else:
            done, error = decoder.decode(content[end:])
    finally:
        decoder.cleanup()
    if done < 0 and not error:
        image.tile = []
    image.load()  # raises the error, if there is one
    return True


def _more_data(content: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield what a decoder without missing blocks drops: the next restart, and single bytes."""
    before = _RESTART.findall(content, start, end)
    number = before[-1][0] - 0xD0 + 1 if before else 0
    if before or _RESTART_INTERVAL in content[:start]:
        yield bytes([0xFF, 0xD0 + number % 8]) + _FILL
    yield from [_FILL[:1]] * 16


def has_clean_end(content: bytes, structure: JpegStructure) -> bool:
    """Return whether the marker of the end, and no other, follows the data of a JPEG file."""
    return _marker_after(content, structure.start_of_data) == _END


def is_in_order(content: bytes, structure: JpegStructure) -> bool:
    """Return whether a JPEG file has one scan, and no restart marker is missing.

    Then only blocks at the end can be missing, and the last pixel has one of `MISSING_GREYS`.
    """
    return (
        structure.frame in _HUFFMAN
        and structure.is_one_scan()
        and _has_restarts_in_order(content, structure.start_of_data)
    )


def _marker_after(content: bytes, start: int) -> int | None:
    """Return the first marker after the start of data; much faster than `_NEXT_MARKER`."""
    data = np.frombuffer(content, np.uint8)[start:]
    codes = data[np.flatnonzero(data[:-1] == _FILL_BYTE) + 1]
    codes = codes[_IS_MARKER[codes]]
    return int(codes[0]) if len(codes) else None


def read_structure(content: bytes) -> JpegStructure | None:
    """Return the frame and the scans of a file; `None` if it is not that of a JPEG image."""
    found: JpegStructure | None = None
    try:
        for marker, start, end in _segments(content):
            if marker == _SCAN and found:
                found.scans.append(_read_scan(content[start:end]))
                found.start_of_data = end
                if found.is_one_scan():
                    break
            elif marker in _SIZES and marker not in _TABLES and not found:
                found = JpegStructure(marker, content[start + 6 : end : 3], [])
    except (IndexError, ValueError):  # damaged: Pillow raises the error
        return None
    return found if found and found.scans else None


def _read_scan(header: bytes) -> _Scan:
    count = header[0]
    first, last, bits = header[1 + 2 * count : 4 + 2 * count]
    return _Scan(header[1 : 1 + 2 * count : 2], first, min(last, _COEFFICIENTS - 1), bits & 15)


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker, the start and the end of each segment, up to the end of the image."""
    position = 0
    while match := _NEXT_MARKER.search(content, position):
        position = match.end()
        marker = content[position - 1]
        if marker == _END:
            return
        if marker != _START:
            end = position + int.from_bytes(content[position : position + 2], "big")
            yield marker, position + 2, end
            position = end
