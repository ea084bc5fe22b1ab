"""Where to start: poses that a C-arm may have, shifted into place and ranked by the X-rays."""
