"""Geometry from one's own C-arm: files of other programs to cameras and poses of ours."""
