"""
Metrics of tracked points, as the benchmarks of this field define them.

Points are [N, T, D] (N points, T frames, D = 2 in pixels or 3 in millimetres), flags [N, T] bool.
Every share is in per cent.  A prediction that is NaN or infinite is a failure: its error is
infinite, it never leaves the statistic, and `coverage` says how many there were.
"""

from surgical_perception.evaluation.tracking.accuracy import (
    DELTA_3D_MM,
    DELTA_PX,
    coverage,
    delta_avg,
    point_errors,
)

__all__ = ['DELTA_3D_MM', 'DELTA_PX', 'coverage', 'delta_avg', 'point_errors']
