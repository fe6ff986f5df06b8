"""The charts that a section may draw, under one name; each lies in a module of `lle.report.charts`."""

from __future__ import annotations

from lle.report.charts.curves import curve, lines, smooth
from lle.report.charts.histograms import distribution, histograms
from lle.report.charts.places import critical_difference, heatmap
from lle.report.charts.scatter import Point, pareto, scatter
from lle.report.charts.spread import Bar, intervals, quantile, strips
from lle.report.charts.svg import log_ticks, marker, tick_text, ticks

__all__ = [
    "Bar", "Point", "critical_difference", "curve", "distribution", "heatmap", "histograms", "intervals", "lines", "log_ticks", "marker",
    "pareto", "quantile", "scatter", "smooth", "strips", "tick_text", "ticks",
]  # fmt: skip
