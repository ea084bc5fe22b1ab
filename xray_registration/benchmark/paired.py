"""
Is a method better than another on the same trials?  Exact test and interval for paired shares.

Sources: McNemar, Psychometrika 12, 1947 (exact form: a binomial test of the trials in which only
one succeeds); Newcombe, Statistics in Medicine 17, 1998, 2635-2650, method 10 (interval from
Wilson's intervals of both shares and their correlation).
"""

import math
from dataclasses import dataclass

from scipy.stats import binomtest

from surgical_perception.errors import InputError
from surgical_perception.evaluation.metrics import SUCCESS_MM, wilson_interval
from xray_registration.benchmark.records import NO_START


@dataclass(frozen=True)
class Paired:
    """
    A method against the reference on the trials that both have.

    gained, lost    trials in which only the method, or only the reference, succeeds
    difference      of the shares that succeed, method minus reference; `low`, `high` its 95 %
                    interval
    p               two-sided, exact McNemar; of one comparison, not corrected for several
    """

    pairs: int
    gained: int
    lost: int
    difference: float
    low: float
    high: float
    p: float


def compared(records, reference):
    """
    Return the Paired of a method's Records and the reference's; None where they share no trial.

    A method that uses no start is compared with the reference's first start of each case.
    """
    first = {}
    for record in sorted(reference, key=lambda r: r.start):
        first.setdefault(record.case, record)
    by_start = {(r.case, r.start): r for r in reference}
    pairs = [
        (record, first.get(record.case))
        if record.start == NO_START
        else (record, by_start.get((record.case, record.start)))
        for record in records
    ]
    won = [(a.mtre_mm < SUCCESS_MM, b.mtre_mm < SUCCESS_MM) for a, b in pairs if b is not None]
    if not won:
        return None
    both, gained, lost = (won.count(x) for x in ((True, True), (True, False), (False, True)))
    low, high = newcombe_interval(both, gained, lost, len(won))
    return Paired(
        pairs=len(won),
        gained=gained,
        lost=lost,
        difference=(gained - lost) / len(won),
        low=low,
        high=high,
        p=mcnemar_p(gained, lost),
    )


def mcnemar_p(gained, lost):
    """Return the two-sided p-value that trials in which only one succeeds fall evenly; exact."""
    if gained + lost == 0:
        return 1.0
    return float(binomtest(gained, gained + lost).pvalue)


def newcombe_interval(both, gained, lost, pairs):
    """
    Return the 95 % interval (low, high) of the difference of two paired shares.

    both            pairs in which both succeed
    gained, lost    pairs in which only the first, or only the second, succeeds

    Raises InputError for counts that do not fit together.
    """
    neither = pairs - both - gained - lost
    if pairs < 1 or min(both, gained, lost, neither) < 0:
        raise InputError(f'{both}, {gained} and {lost} of {pairs} are no counts of pairs')
    first, second = (both + gained) / pairs, (both + lost) / pairs
    low1, high1 = wilson_interval(both + gained, pairs)
    low2, high2 = wilson_interval(both + lost, pairs)
    phi = _correlation(both, gained, lost, neither)
    below = _length(first - low1, high2 - second, phi)
    above = _length(high1 - first, second - low2, phi)
    return first - second - below, first - second + above


def _length(a, b, phi):
    return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))


def _correlation(both, gained, lost, neither):
    """Return Newcombe's phi: that of the table, its numerator less n / 2 where positive."""
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    if margins == 0:
        return 0.0
    cross = both * neither - gained * lost
    if cross > 0:
        cross = max(cross - (both + gained + lost + neither) / 2, 0)
    return cross / math.sqrt(margins)
