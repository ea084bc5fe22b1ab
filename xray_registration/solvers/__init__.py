"""Optimisers over a pose; they know costs and Jacobians, not images."""
