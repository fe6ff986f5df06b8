"""Video out through PyAV: a file or network stream that frames are written to."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lle.errors import LleError
from lle.infer.containers import exact, picture_of, require_av, said

if TYPE_CHECKING:
    import av

_CHROMA = "yuv420p"
_RGB = 0  # AVCOL_SPC_RGB


class Sink:
    """A video that is written: H.264 by libx264.

    Args:
        target: a file or an address.
        size: height and width of the frames in pixels; odd sides get one more line, for H.264 halves the colours' resolution.
        rate: frames a second, nominal; every frame has a time of its own.
        time_base: unit of the time stamps.
        like: frame whose colour space and rotation are kept; None leaves them open.
        audio: sound tracks that are copied.
        format: name of FFmpeg's muxer; None takes that of the file's ending.
        options: of the muxer.
        encoder: options of libx264, such as `crf` and `preset`.

    Attributes:
        silent: names of the codecs of sound tracks that the format cannot hold.

    Raises:
        LleError: the target cannot be written.
    """

    def __init__(
        self,
        target: str,
        size: tuple[int, int],
        rate: Fraction,
        time_base: Fraction,
        like: av.VideoFrame | None = None,
        audio: Sequence[Any] = (),
        format: str | None = None,
        options: Mapping[str, str] | None = None,
        encoder: Mapping[str, str] | None = None,
    ) -> None:
        require_av()
        import av

        self.target = target
        self.size = size
        self.time_base = time_base
        self.silent: list[str] = []
        # H.264 is written in another space than RGB.
        kept = like is not None and int(like.colorspace) != _RGB
        self._colours = (int(like.colorspace), int(like.color_range)) if like is not None and kept else None
        self._last: int | None = None
        try:
            self.container: Any = av.open(target, "w", format=format, options=dict(options or {}))
            self.video = self.container.add_stream("libx264", rate=rate, options=dict(encoder or {}))
            self.video.height, self.video.width = (side + side % 2 for side in size)
            self.video.pix_fmt = _CHROMA
            self.video.codec_context.time_base = time_base
            if like is not None:
                self.video.set_display_matrix(_matrix(like))
            if like is not None and self._colours is not None:
                for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
                    setattr(self.video.codec_context, name, int(getattr(like, name)))
        except (av.FFmpegError, ValueError, OSError) as error:
            raise LleError(f"{target} cannot be written: {said(error)}.") from error
        self._audio = {track.index: copied for track in audio if (copied := self._copy(track)) is not None}

    def _copy(self, track: Any) -> Any:
        import av

        try:
            return self.container.add_stream_from_template(track)
        except (av.FFmpegError, ValueError):
            self.silent.append(track.codec_context.name)
            return None

    def write(self, picture: NDArray[np.uint8] | av.VideoFrame, pts: int) -> None:
        """Writes a frame.

        Args:
            picture: H x W x 3, RGB, of the size that was given; or a frame as it was decoded, which is only encoded again.
            pts: its time in `time_base`; one that does not follow the last is moved behind it.

        Raises:
            LleError: it cannot be written, such as on a full disk or to a server that is gone.
        """
        import av

        height, width = self.size
        if isinstance(picture, av.VideoFrame):
            if (picture.height, picture.width) == self.size and not (height % 2 or width % 2):
                picture.pict_type = 0  # which frames are whole pictures is for the encoder to choose
                self._encode(picture.reformat(format=_CHROMA), pts)
                return
            picture = picture_of(picture, self.size)
        if height % 2 or width % 2:
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        colours = {} if self._colours is None else {"dst_colorspace": self._colours[0], "dst_color_range": self._colours[1]}
        self._encode(frame.reformat(format=_CHROMA, interpolation=exact(), **colours), pts)

    def _encode(self, frame: av.VideoFrame, pts: int) -> None:
        frame.pts = self._last = pts if self._last is None else max(pts, self._last + 1)
        frame.time_base = self.time_base
        self._mux(self.video.encode(frame))

    def copy(self, packet: Any) -> None:
        """Copies a packet of a sound track; one of a track that is left out, or that has no time, is not written."""
        stream = self._audio.get(packet.stream.index)
        if stream is None or packet.dts is None:
            return
        packet.stream = stream
        self._mux([packet])

    def _mux(self, packets: Any) -> None:
        import av

        try:
            self.container.mux(packets)
        except (av.FFmpegError, OSError) as error:
            raise LleError(f"{self.target} cannot be written: {said(error)}.") from error

    def finish(self) -> None:
        """Writes what the encoder still holds, and the end of the file.

        Raises:
            LleError: it cannot be written.
        """
        self._mux(self.video.encode(None))
        self.close()

    def close(self) -> None:
        """Closes the file or connection.

        Raises:
            LleError: its end cannot be written.
        """
        import av

        try:
            self.container.close()
        except (av.FFmpegError, OSError) as error:
            raise LleError(f"{self.target} cannot be written: {said(error)}.") from error

    def abandon(self) -> None:
        """Closes without a word what can no longer be written."""
        import av

        with contextlib.suppress(av.FFmpegError, OSError):
            self.container.close()


def _matrix(frame: av.VideoFrame) -> list[int] | None:
    """Returns how a frame is turned and mirrored to be shown, as FFmpeg keeps it: nine integers; None where it is shown as it is."""
    from av.sidedata.sidedata import Type

    data: Any = frame.side_data
    found = next((one for one in data if one.type == Type.DISPLAYMATRIX), None)
    return None if found is None else [int(value) for value in np.frombuffer(bytes(found), np.int32)]
