"""
Providers of feature flags: one that reads a file, as flagd does, and some that misbehave.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata


def from_file() -> FlagdProvider:
    """
    What the file that FLAG_FILE names says.
    """
    return FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=os.environ["FLAG_FILE"])


class Misbehaving(AbstractProvider):
    """
    Says whatever `answer` makes of a key.
    """

    def get_metadata(self) -> Metadata:
        """
        Called by the SDK.
        """
        return Metadata(name=type(self).__name__)

    def answer(self, key: str) -> Any:
        """
        To be told.
        """
        raise NotImplementedError

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """
        Called by the SDK.
        """
        key = "" if evaluation_context is None else evaluation_context.targeting_key or ""
        return FlagResolutionDetails(value=self.answer(key))

    def resolve_string_details(self, *_: Any, **__: Any) -> FlagResolutionDetails[str]:
        """
        Called by nobody.
        """
        raise NotImplementedError

    def resolve_integer_details(self, *_: Any, **__: Any) -> FlagResolutionDetails[int]:
        """
        Called by nobody.
        """
        raise NotImplementedError

    def resolve_float_details(self, *_: Any, **__: Any) -> FlagResolutionDetails[float]:
        """
        Called by nobody.
        """
        raise NotImplementedError

    def resolve_object_details(
        self, *_: Any, **__: Any
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """
        Called by nobody.
        """
        raise NotImplementedError


class Hanging(Misbehaving):
    """
    Never answers.
    """

    def answer(self, key: str) -> Any:
        """
        Never.
        """
        threading.Event().wait()


class Sticking(Misbehaving):
    """
    Says yes, but for keys that begin with "stuck" only once it was released.
    """

    released = threading.Event()

    def answer(self, key: str) -> Any:
        """
        Yes, some day.
        """
        if key.startswith("stuck"):
            self.released.wait()
        return True


class Lying(Misbehaving):
    """
    Answers with something else than it was asked for.
    """

    def answer(self, key: str) -> Any:
        """
        Text.
        """
        return "true"


class Flapping(Misbehaving):
    """
    Says yes, and fails every other time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._count = count()

    def answer(self, key: str) -> Any:
        """
        Yes, or a failure.
        """
        if next(self._count) % 2:
            raise ConnectionError("the provider is down")
        return True
