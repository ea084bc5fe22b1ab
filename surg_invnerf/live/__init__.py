"""Tracking while the camera runs: a fast tracker every frame, corrected by a fit beside it."""
