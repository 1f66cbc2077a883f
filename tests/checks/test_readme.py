"""The README's table of settings is the one that `settings.py` declares."""

from pathlib import Path

from settings import Settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_every_setting_with_its_default_and_its_sentence() -> None:
    for name, field in Settings.model_fields.items():
        default = "" if field.default in ("", None, (), {}) else f"`{field.default}`"

        assert f"| `{name.upper()}` | {default} | {field.description} |" in README


def test_the_readme_names_no_other_setting() -> None:
    rows = [line.split("`")[1] for line in README.splitlines() if line.startswith("| `")]

    assert sorted(rows) == sorted(name.upper() for name in Settings.model_fields)
