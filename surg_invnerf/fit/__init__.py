"""Test-time optimisation: the model is fitted to the observations of one clip."""
