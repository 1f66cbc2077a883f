"""The migrations make what the models say, and can be taken back."""

from models import embedded, migrate


def test_upgrade_downgrade_and_upgrade_end_where_the_models_are(empty_database: str) -> None:
    for _ in range(2):
        migrate.upgrade(empty_database, embedded.APP_ROLE)
        migrate.check(empty_database)
        migrate.downgrade(empty_database)
    migrate.upgrade(empty_database, embedded.APP_ROLE)
