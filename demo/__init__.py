"""The demo that the embedded database starts with, made through the very functions that real changes use."""

from demo.seed import seed, sign_in_links

__all__ = ["seed", "sign_in_links"]
