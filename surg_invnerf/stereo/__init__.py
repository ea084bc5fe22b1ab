"""From a stereo pair to a depth with its standard deviation."""
