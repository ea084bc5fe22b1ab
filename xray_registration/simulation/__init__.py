"""Synthetic C-arm images for demo and benchmarks, by a projector other than our own renderer."""
