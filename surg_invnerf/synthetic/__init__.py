"""A synthetic stereo endoscope over deforming tissue, with exact truth for every point."""
