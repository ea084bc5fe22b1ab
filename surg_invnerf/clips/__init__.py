"""Stereo clips of every kind that can be opened, read frame by frame."""

from surg_invnerf.clips.opening import open_clip

__all__ = ['open_clip']
