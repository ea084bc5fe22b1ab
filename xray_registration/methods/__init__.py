"""Registration methods by name; each turns a Request into an Estimate."""

from xray_registration.methods.lm import estimate_lm

METHODS = {'lm': estimate_lm}
