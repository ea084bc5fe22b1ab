"""Registration methods by name; each takes (views, volumes, start, config, interrupt, began)."""

from xray_registration.methods.lm import register_lm

METHODS = {'lm': register_lm}
