import pytest

from surg_invnerf.live.watchdog import Watchdog


def test_late_frames_slow_the_fit_down_at_once_but_never_stop_it():
    dog = Watchdog(0.1)
    assert dog.observe(0.05) == 1.0
    assert dog.observe(0.15) == 0.5
    for _ in range(20):
        dog.observe(0.2)
    assert dog.pace == pytest.approx(0.1)


def test_it_recovers_while_frames_are_early():
    dog = Watchdog(0.1)
    dog.observe(0.2)
    for _ in range(200):
        dog.observe(0.03)
    assert dog.pace == 1.0


def test_it_waits_while_frames_are_just_in_time():
    dog = Watchdog(0.1)
    dog.observe(0.2)
    for _ in range(200):
        dog.observe(0.09)
    assert dog.pace == 0.5
