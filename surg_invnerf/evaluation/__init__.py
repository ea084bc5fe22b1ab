"""Tracks of a clip beside its truth and beside the controls that every tracker must beat."""
