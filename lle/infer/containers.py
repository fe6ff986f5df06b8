"""Video in through PyAV: packets and frames of files, cameras and network streams.

PyAV brings its own FFmpeg, so no program has to be installed. It is imported when a video is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from lle.data.images import SMALLEST
from lle.errors import DataError, LleError, first_line

if TYPE_CHECKING:
    import av

LOG = logging.getLogger(__name__)

READS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".asf", ".flv", ".3gp", ".ogv")
"""Endings by which a file is taken for a video."""
WRITES = (".mp4", ".mkv", ".mov", ".m4v")
"""Endings of videos that can be written."""
LARGEST = 8192 * 8192
"""Pixels of a frame above which a video is refused: a header can promise any number."""
CLOCK = Fraction(1, 90_000)
"""Unit of time stamps where the input has none that can be used, in seconds."""
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,live_flv,ogg,h264,hevc,m4v,mjpeg,ivf,nut"
_COVER = 0x400  # AV_DISPOSITION_ATTACHED_PIC


def require_av() -> None:
    """Refuses to go on where PyAV is not installed.

    Raises:
        LleError: it is not.
    """
    if find_spec("av") is None:
        raise LleError("video needs PyAV, which is not installed: pip install 'lle-suite[video]'")


def is_video(path: Path) -> bool:
    """Says whether a file is taken for a video, by its ending."""
    return Path(path).suffix.lower() in READS


class Source:
    """An opened video with its first picture track.

    Args:
        address: a file, a device (`/dev/video0`) or an address such as `rtsp://...`.
        options: of FFmpeg's demuxer or protocol, by name.
        seconds: without a byte after which reading fails, for addresses; None waits for ever.
        live: decode for a short delay, instead of for speed.

    Attributes:
        rate: frames a second as the file says or as they were counted; None where it is unknown.
        duration: in seconds; None where it is unknown.
        damaged: packets that could not be decoded so far.

    Raises:
        DataError: it cannot be opened, or has no picture track.
    """

    def __init__(self, address: str, options: Mapping[str, str] | None = None, seconds: float | None = None, live: bool = False) -> None:
        require_av()
        import av

        self.address = address
        self.damaged = 0
        local = is_file(address)
        # A file may name others, as play lists do: what it is read as is limited to films, and what it reads to itself.
        safe = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"} if local else {}
        if local and not Path(address).is_file():
            raise DataError(f"{address} is no file." if Path(address).exists() else f"the video {address} does not exist.")
        try:
            self.container: Any = av.open(
                address,
                format="v4l2" if is_device(address) else None,
                options={**safe, **(options or {})},
                timeout=None if seconds is None else (seconds, seconds),
                metadata_errors="replace",
            )
        except (av.FFmpegError, ValueError, OSError) as error:
            raise DataError(f"{address} cannot be opened as a video: {said(error)}. {advice(address)}") from error
        try:
            self._choose(live)
        except BaseException:
            self.container.close()
            raise

    def _choose(self, live: bool) -> None:
        videos = [stream for stream in self.container.streams.video if not _is_cover(stream)]
        if not videos:
            raise DataError(f"{self.address} has no picture track. Name a video.")
        self.video = videos[0]
        context = self.video.codec_context
        if context is None:
            raise DataError(f"{self.address} has pictures in a format that this FFmpeg cannot decode. Convert it to H.264.")
        if context.width * context.height > LARGEST:
            raise DataError(f"{self.address} claims to be {context.width}x{context.height} pixels, which is more than {LARGEST}.")
        context.options = {**context.options, "max_pixels": str(LARGEST)}
        context.thread_type = "SLICE" if live else "AUTO"
        rates = (self.video.average_rate, self.video.guessed_rate)
        self.rate = next((Fraction(rate) for rate in rates if rate and 0 < rate <= 1000), None)
        own, whole = self.video.duration, self.container.duration
        self.duration = float(own * self.video.time_base) if own is not None else None if whole is None else whole / 1e6

    @property
    def audio(self) -> list[Any]:
        """The sound tracks."""
        return list(self.container.streams.audio)

    def packets(self, audio: Sequence[Any] = ()) -> Iterator[Any]:
        """Yields the packets of the picture track and of some sound tracks, in the order of the file.

        Raises:
            DataError: the connection failed, or nothing came for too long; a file that ends early just ends.
        """
        import av

        try:
            yield from self.container.demux(self.video, *audio)
        except av.EOFError:
            return
        except (av.FFmpegError, OSError) as error:
            if not is_file(self.address):
                raise DataError(f"{self.address}: {said(error)}.") from error
            self.damaged += 1

    def decode(self, packet: Any) -> list[av.VideoFrame]:
        """Decodes a packet; one that is damaged gives no frames and is counted."""
        import av

        try:
            return list(packet.decode())
        except av.EOFError:
            return []
        except (av.FFmpegError, ValueError):
            self.damaged += 1
            return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()


def is_file(address: str) -> bool:
    """Says whether an address is a file, not a stream or a camera."""
    return "://" not in address and not is_device(address)


def is_device(address: str) -> bool:
    """Says whether an address is a camera of this machine; what lies in shared memory is a file."""
    return address.startswith("/dev/") and not address.startswith("/dev/shm/")


def picture_of(frame: av.VideoFrame, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Returns a frame as an array, H x W x 3 uint8 RGB.

    Args:
        frame: of any pixel format.
        size: height and width to which it is scaled; None keeps its own.

    Raises:
        DataError: it is smaller than the smallest picture.
    """
    height, width = size or (frame.height, frame.width)
    if min(height, width) < SMALLEST:
        raise DataError(f"its frames are {width}x{height} pixels; each side needs at least {SMALLEST}.")
    return np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=exact()), np.uint8)


def exact() -> int:
    """Returns how pixels are converted: without this, swscale rounds down, and every pass makes pictures a level darker."""
    from av.video.reformatter import Interpolation

    return int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT)


def said(error: BaseException) -> str:
    """Returns what FFmpeg says of an error, without the number and the address."""
    import av

    if isinstance(error, av.error.ExitError):
        return "nothing came for too long"
    return getattr(error, "strerror", None) or first_line(error)


def advice(address: str) -> str:
    """Returns what to do about an address that cannot be opened."""
    return "It may be damaged or no video." if is_file(address) else "Check the address, and that the camera or server is there."


def _is_cover(stream: Any) -> bool:
    # The picture on an album's sleeve is a track of one frame.
    return bool(getattr(stream, "disposition", 0) & _COVER)
