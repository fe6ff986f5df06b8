"""Mean IoU: known answers, what is ignored, what is absent, and intervals."""

from __future__ import annotations

import numpy as np
import pytest

from lle.metrics import segmentation

TRUTH = np.array([[0, 0, 1, 1], [0, 0, 1, 255], [2, 2, 2, 255]], np.uint8)
FOUND = np.array([[0, 1, 1, 1], [0, 0, 0, 1], [2, 2, 1, 2]], np.uint8)


def test_counts_and_iou_by_hand():
    counts = segmentation.counts(TRUTH, FOUND, 4)
    # Class 0: 3 right, 1 wrongly added, 1 missed; class 1: 2, 2, 1; class 2: 2, 0, 1; the two ignored pixels count nowhere.
    assert counts.tolist() == [[3, 1, 1], [2, 2, 1], [2, 0, 1], [0, 0, 0]]
    values = segmentation.iou(counts)
    assert np.allclose(values[:3], [3 / 5, 2 / 5, 2 / 3])
    assert np.isnan(values[3])
    assert segmentation.mean_iou(counts) == pytest.approx((3 / 5 + 2 / 5 + 2 / 3) / 3)
    assert segmentation.mean_iou(counts, [0, 2]) == pytest.approx((3 / 5 + 2 / 3) / 2)


def test_pictures_are_pooled_before_the_ratio():
    first = segmentation.counts(np.array([[0, 0, 0, 1]], np.uint8), np.array([[0, 0, 0, 0]], np.uint8), 2)
    second = segmentation.counts(np.array([[1, 1, 1, 1]], np.uint8), np.array([[1, 1, 1, 1]], np.uint8), 2)
    # Class 1: 4 right, 1 missed, over both pictures; the mean of the pictures' own ratios would be (0 + 1) / 2.
    assert segmentation.iou(first + second).tolist() == [3 / 4, 4 / 5]


def test_a_class_that_is_not_there_counts_against_the_others_only():
    counts = segmentation.counts(np.zeros((1, 4), np.uint8), np.array([[0, 0, 0, 1]], np.uint8), 2)
    assert segmentation.iou(counts)[0] == 3 / 4
    assert np.isnan(segmentation.iou(counts)[1])
    assert segmentation.mean_iou(counts) == 3 / 4


def test_the_same_and_the_opposite_segmentation():
    mask = np.random.default_rng(0).integers(0, 3, (20, 20)).astype(np.uint8)
    assert segmentation.mean_iou(segmentation.counts(mask, mask, 3)) == 1
    assert segmentation.mean_iou(segmentation.counts(mask, ((mask + 1) % 3).astype(np.uint8), 3)) == 0


def test_wrong_shapes_and_classes_are_refused():
    with pytest.raises(ValueError, match="the prediction"):
        segmentation.counts(TRUTH, FOUND[:2], 4)
    with pytest.raises(ValueError, match="above 1"):
        segmentation.counts(TRUTH, FOUND, 2)


def test_intervals_hold_the_mean_and_a_pair_is_drawn_alike():
    rng = np.random.default_rng(1)
    masks = rng.integers(0, 3, (30, 16, 16)).astype(np.uint8)
    worse = np.where(rng.random(masks.shape) < np.linspace(0.1, 0.9, 30)[:, None, None], rng.integers(0, 3, masks.shape), masks)
    better = np.where(rng.random(masks.shape) < 0.3, masks, worse)
    first, second = (
        np.stack([segmentation.counts(t, f.astype(np.uint8), 3) for t, f in zip(masks, found, strict=True)]) for found in (better, worse)
    )
    interval = segmentation.bootstrap_mean_iou(second, resamples=500)
    assert interval.low < interval.mean < interval.high
    assert interval == segmentation.bootstrap_mean_iou(second, resamples=500)
    pair = segmentation.paired_mean_iou(first, second, resamples=500)
    assert 0 < pair.low < pair.mean < pair.high
    # Harder pictures are harder for both: drawn alike, the difference is surer than the values are.
    assert pair.high - pair.low < interval.high - interval.low
    same = segmentation.paired_mean_iou(second, second, resamples=500)
    assert (same.low, same.mean, same.high) == (0, 0, 0)
