"""Statistics of a method under one condition; failures count as infinite errors."""

from dataclasses import dataclass, replace

import numpy as np

from surgical_perception.evaluation.metrics import (
    SUCCESS_MM,
    capture_range_mm,
    percentile,
    success_rate,
    wilson_interval,
)
from xray_registration.benchmark.paired import Paired, compared
from xray_registration.benchmark.records import ALL_GROUPS

REFERENCE = 'lm'
PERCENTS = (50, 75, 95)

_WITHIN_MM = 2.0


@dataclass(frozen=True)
class Summary:
    """
    One row of the tables.

    failures        trials that raised
    success         share with mTRE below 1 mm (SMSR), `success_low` and `_high` Wilson's interval
    within_2_mm     share with mTRE below 2 mm
    mtre_mm, mpe_mm percentiles 50, 75, 95; rotation, in-plane and depth errors: the median
    capture_mm      capture range, None where no start is used
    time_s          percentiles 50, 95 of the trials that did not raise; None without any
    against         Paired with `lm`; None for itself and without it
    errors          {reason: number of trials} of the failures
    """

    group: str
    method: str
    trials: int
    failures: int
    success: float
    success_low: float
    success_high: float
    within_2_mm: float
    mtre_mm: tuple[float, ...]
    mpe_mm: tuple[float, ...]
    rotation_deg: float
    in_plane_mm: float
    depth_mm: float
    capture_mm: float | None
    time_s: tuple[float, ...] | None
    against: Paired | None
    errors: dict[str, int]


def summarised(records):
    """Return Summaries by group and method, in the order of their first appearance."""
    groups = by_group(records)
    return [
        _summary(group, method, found, methods.get(REFERENCE))
        for group, methods in groups.items()
        for method, found in methods.items()
    ]


def together(records):
    """Return Summaries by method of all groups as one, ALL_GROUPS; none where there is but one."""
    if len(by_group(records)) < 2:
        return []
    return summarised([replace(record, group=ALL_GROUPS) for record in records])


def by_group(records):
    """Return {group: {method: Records}}, in the order of their first appearance."""
    groups = {}
    for record in records:
        groups.setdefault(record.group, {}).setdefault(record.method, []).append(record)
    return groups


def _summary(group, method, records, reference):
    mtre = np.array([r.mtre_mm for r in records])
    starts = np.array([r.start_mtre_mm for r in records])
    times = np.array([r.time_s for r in records])
    times = times[np.isfinite(times)]
    low, high = wilson_interval(int((mtre < SUCCESS_MM).sum()), len(records))
    errors = [r.error for r in records if r.error]
    return Summary(
        group=group,
        method=method,
        trials=len(records),
        failures=len(errors),
        success=success_rate(mtre),
        success_low=low,
        success_high=high,
        within_2_mm=success_rate(mtre, _WITHIN_MM),
        mtre_mm=tuple(percentile(mtre, p) for p in PERCENTS),
        mpe_mm=tuple(percentile([r.mpe_mm for r in records], p) for p in PERCENTS),
        rotation_deg=percentile([r.rotation_deg for r in records], 50),
        in_plane_mm=percentile([r.in_plane_mm for r in records], 50),
        depth_mm=percentile([r.depth_mm for r in records], 50),
        capture_mm=capture_range_mm(starts, mtre) if np.isfinite(starts).all() else None,
        time_s=tuple(percentile(times, p) for p in (50, 95)) if times.size else None,
        against=compared(records, reference) if reference and method != REFERENCE else None,
        errors={text: errors.count(text) for text in dict.fromkeys(errors)},
    )
