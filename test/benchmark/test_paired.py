"""Paired statistics against the literature, by hand and by simulation."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from benchmark_records import record
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from xray_registration.benchmark.paired import compared, mcnemar_p, newcombe_interval
from xray_registration.benchmark.records import NO_START


def test_published_example():
    """Airway reactivity before and after transplantation: 1, 1, 7 and 12 of 21 children."""
    low, high = newcombe_interval(both=1, gained=1, lost=7, pairs=21)
    assert (round(low, 3), round(high, 3)) == (-0.507, -0.026)
    assert round(mcnemar_p(1, 7), 3) == 0.070


@given(st.integers(0, 30), st.integers(0, 30))
def test_p_is_the_tail_of_a_fair_coin(gained, lost):
    n, few = gained + lost, min(gained, lost)
    tail = sum(comb(n, k) for k in range(few + 1)) / 2**n
    assert mcnemar_p(gained, lost) == pytest.approx(min(1.0, 2 * tail))


@given(*[st.integers(0, 40)] * 4)
def test_interval_holds_the_difference_and_turns_with_the_methods(both, gained, lost, neither):
    pairs = both + gained + lost + neither
    if pairs == 0:
        return
    low, high = newcombe_interval(both, gained, lost, pairs)
    assert -1 <= low <= (gained - lost) / pairs <= high <= 1
    swapped = newcombe_interval(both, lost, gained, pairs)
    assert swapped == pytest.approx((-high, -low))


def test_equal_methods_are_not_certain_to_be_equal():
    low, high = newcombe_interval(both=20, gained=0, lost=0, pairs=20)
    assert low < -0.1 and high > 0.1


def test_interval_covers_the_truth_of_simulated_pairs():
    rng = np.random.default_rng(0)
    shares, covered = [0.5, 0.2, 0.05, 0.25], 0
    for both, gained, lost, _ in rng.multinomial(60, shares, size=1000):
        low, high = newcombe_interval(both, gained, lost, 60)
        covered += low <= 0.15 <= high
    assert 0.93 < covered / 1000 < 0.98


@pytest.mark.parametrize('counts', [(0, 0, 0, 0), (5, 3, 3, 10), (-1, 0, 0, 5)])
def test_counts_that_do_not_fit_are_refused(counts):
    with pytest.raises(InputError, match='no counts'):
        newcombe_interval(*counts)


def test_trials_are_paired_by_case_and_start():
    lm = [
        record('lm', case=c, start=s, mtre_mm=e)
        for c, s, e in [('a', 0, 0.5), ('a', 1, 3.0), ('b', 0, 3.0), ('b', 1, 0.5)]
    ]
    other = [
        replace(r, method='x', mtre_mm=e)
        for r, e in zip(reversed(lm), [float('inf'), 0.2, 0.9, 1.0], strict=True)
    ]
    found = compared(other, lm)
    # b1: lost, b0: gained, a1: gained, a0: 1.0 is no success, lost.
    assert (found.pairs, found.gained, found.lost, found.difference) == (4, 2, 2, 0)
    assert compared(other[:1], lm).pairs == 1


def test_a_method_without_start_meets_the_first_start():
    lm = [record('lm', case='a', start=s, mtre_mm=e) for s, e in [(1, 0.5), (0, 3.0)]]
    found = compared([record('regressor', case='a', start=NO_START, mtre_mm=0.4)], lm)
    assert (found.pairs, found.gained, found.lost) == (1, 1, 0)


def test_methods_without_a_common_trial_are_not_compared():
    assert compared([record('x', case='a')], [record('lm', case='b')]) is None
