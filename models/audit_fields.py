"""Fields of audit events that an export can withhold."""

from enum import StrEnum

from engine.enums import described_enum


@described_enum(
    "Personal field of audit events, which an export can withhold.",
    """
    SUMMARY `summary`, a sentence with the names of the actor and of what it acted on.
    ACTOR_NAME `actorName`, the name of who acted.
    CREDENTIAL_LABEL `credentialLabel`, the name of the API key or device.
    TARGET_NAME `targetName`, the name or address of whom or what the event is about.
    IP `ip`, the client's address.
    USER_AGENT `userAgent`, the client's User-Agent header.
    DETAILS `personalDetails`, the names, addresses, networks and texts of people in the details.
    """,
)
class AuditField(StrEnum):
    SUMMARY = "SUMMARY"
    ACTOR_NAME = "ACTOR_NAME"
    CREDENTIAL_LABEL = "CREDENTIAL_LABEL"
    TARGET_NAME = "TARGET_NAME"
    IP = "IP"
    USER_AGENT = "USER_AGENT"
    DETAILS = "DETAILS"

    @property
    def export_name(self) -> str:
        """Name of the field in an export."""
        first, *others = self.value.lower().split("_")
        return first + "".join(map(str.title, others))
