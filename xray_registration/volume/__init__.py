"""CT in: files to Hounsfield units in the `ct` frame (LPS, metres), and from there to mu."""
