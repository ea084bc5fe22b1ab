"""Measuring results: metrics, result files, plots and the report page."""
