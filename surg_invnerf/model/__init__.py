"""The invertible NeRF: a deformation with an exact inverse, and a field in canonical space."""
