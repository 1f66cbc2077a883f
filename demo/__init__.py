"""Demo data of the embedded database, created by the same functions as real changes."""

from demo.seed import seed, sign_in_links

__all__ = ["seed", "sign_in_links"]
