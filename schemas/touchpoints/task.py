"""Explicit tasks. Most tasks are derived from other types by configuration; these are for the rest."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Data, Event, Text
from schemas.identifiers import IdValue


class TaskData(Data):
    """Fields of the task family."""

    task: Annotated[str, Field(min_length=1, description="a configured task's name; else `other`")]
    attempt_id: Annotated[IdValue, Field(description="the producer's id of the attempt")] = None
    step: Annotated[Text | None, Field(description="the step reached")] = None
    reason: Annotated[Text | None, Field(description="why it failed; closed by configuration")] = None
    visit_id: IdValue = None


class TaskStarted(Event[TaskData]):
    """A person began a task."""

    type: Literal["task.started"]


class TaskStepReached(Event[TaskData]):
    """A person came to a step of a task."""

    type: Literal["task.step_reached"]


class TaskCompleted(Event[TaskData]):
    """A person did what they came for."""

    type: Literal["task.completed"]


class TaskFailed(Event[TaskData]):
    """The task could not be done."""

    type: Literal["task.failed"]
