"""The demo: a simulated C-arm sequence of a real CT, replayed into the real nodes."""
