"""Tracked points: where, whether seen, how sure."""

from surg_invnerf.tracks.result import Cause, Tracks

__all__ = ['Cause', 'Tracks']
