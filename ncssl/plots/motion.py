"""Figures that move: a still picture, and what some of its marks become frame by frame.

A page without a script shows the still picture; with `book/static/motion.js` a button plays the
frames, and a slider goes through them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from ncssl.plots.style import INK

LEAST = 1e-3  # opacity: a mark of none is not written at all


@dataclass
class Motion:
    """What moves in a figure: `said`, a frame's words beside the slider, and the frame `still`,
    which is drawn."""

    said: Sequence[str]
    still: int
    seconds: float = 8.0
    marks: list[dict[str, Any]] = field(default_factory=list)

    def along(self, line: Line2D, x: np.ndarray, y: np.ndarray) -> None:
        """A mark goes along points (T,) of its axes; it is put where it is in the still frame."""
        points = np.stack(np.broadcast_arrays(np.asarray(x, float), y), axis=-1)
        line.set_clip_on(False)
        line.set_data(*np.broadcast_to(points[self.still], (np.size(line.get_xdata()), 2)).T)
        self._add(line, points=points, axes=line.axes)

    def cursor(self, ax: Axes, x: np.ndarray) -> None:
        """An upright line goes through x (T,) of the axes."""
        line = ax.axvline(x[self.still], color=INK, lw=0.9, zorder=0.5)
        line.set_clip_on(False)
        self._add(line, points=np.stack([x, np.full(len(x), ax.get_ylim()[0])], -1), axes=ax)

    def fade(self, patch: Patch, opacity: np.ndarray) -> None:
        """A patch is as opaque as `opacity` (T,) says."""
        shown = np.clip(opacity, LEAST, 1.0)
        patch.set_alpha(float(shown[self.still]))
        self._add(patch, opacity=np.round(shown, 3).tolist())

    def say(self, text: Text, words: Sequence[str]) -> None:
        """A text has these words (T,), without mathematics."""
        text.set_text(words[self.still])
        self._add(text, words=list(words))

    def _add(self, artist: Artist, **frames) -> None:
        artist.set_gid(f"move-{len(self.marks)}")
        for name in ("points", "opacity", "words"):
            if name in frames and len(frames[name]) != len(self.said):
                raise ValueError(
                    f"{name} had {len(frames[name])} frames; allowed: {len(self.said)}, one a word"
                )
        self.marks.append(frames)

    def told(self, figure: Figure) -> str:
        """Everything that the script needs, as JSON; the figure is in its last shape."""
        figure.draw_without_rendering()
        marks = [self._moves(mark, 72 / figure.dpi) for mark in self.marks]
        frames = {"said": list(self.said), "still": self.still, "seconds": self.seconds}
        told = json.dumps(frames | {"marks": marks}, separators=(",", ":"), ensure_ascii=False)
        return told.replace("</", "<\\/")

    def _moves(self, mark: dict[str, Any], unit: float) -> dict[str, Any]:
        """A mark's frames; points become ways from the still frame, in the units of an SVG."""
        if "points" not in mark:
            return mark
        ways = mark["axes"].transData.transform(mark["points"])
        ways = np.round((ways - ways[self.still]) * (unit, -unit), 1) + 0.0
        return {"x": ways[:, 0].tolist(), "y": ways[:, 1].tolist()}
