"""Registration methods by name; each turns a Request into an Estimate."""

from xray_registration.methods.lm import estimate_lm

# `spherical` is the same solver over levels whose features a network makes.
METHODS = {'lm': estimate_lm, 'spherical': estimate_lm}
