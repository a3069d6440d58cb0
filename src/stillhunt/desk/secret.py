"""Where a secret is, never what it is.

Settings name the place, ``env:NAME`` or ``file:PATH``; the secret itself is read when it is
needed and is in no setting, no ``repr`` and no error.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from stillhunt.model.errors import ConfigError
from stillhunt.settings import HIDDEN

__all__ = ["Anchored", "Secret", "SecretPlace"]

LONGEST = 65_536  # bytes; whoever points at a log by mistake shall not load it


@dataclass(frozen=True)
class SecretPlace:
    """The place of one secret."""

    kind: str
    """``env`` or ``file``."""
    where: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.where}"

    def read(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return the secret without the line end behind it.

        Raises:
            ConfigError: There is none, or it is empty.
        """
        text = environment.get(self.where, "") if self.kind == "env" else self._from_file()
        if not text.strip():
            raise ConfigError(f"the secret in {self} is missing or empty")
        return text.strip()

    def _from_file(self) -> str:
        try:
            with Path(self.where).open("rb") as file:
                return file.read(LONGEST).decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigError(f"the secret in {self} is no text") from None
        except OSError as error:
            raise ConfigError(f"cannot read the secret in {self}: {error.strerror}") from error


def _folder(info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", "."))


def _place(value: object, info: ValidationInfo) -> SecretPlace:
    if isinstance(value, SecretPlace):
        return value
    kind, _, where = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "env" and where:
        return SecretPlace("env", where)
    if kind == "file" and where:
        return SecretPlace("file", str(_folder(info) / where))
    raise PydanticCustomError(HIDDEN, "give env:NAME or file:PATH, not the secret itself")


def _anchor(value: Path, info: ValidationInfo) -> Path:
    return _folder(info) / value


Secret = Annotated[SecretPlace, PlainValidator(_place, json_schema_input_type=str),
                   PlainSerializer(str)]  # fmt: skip
"""A setting ``env:NAME`` or ``file:PATH``; paths start from the settings file's folder."""
Anchored = Annotated[Path, AfterValidator(_anchor)]
"""A path that starts from the settings file's folder."""
