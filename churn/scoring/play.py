"""The parts of a playbook as they are in its file: stages, plays, variants and criteria of success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from churn.params import ProfitParams

Text = Annotated[str, Field(strict=True, min_length=1)]
Name = Annotated[str, Field(strict=True, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Money = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Days = Annotated[int, Field(strict=True, ge=1, le=365)]

Audience = Literal["at risk", "advocates", "gone"]
"""The list that a play belongs to. A customer is on at most one list of a night."""

AUDIENCES: tuple[Audience, ...] = ("at risk", "advocates", "gone")

Result = Literal["no answer", "declined", "done"]
"""The result of a task that a follow-up may ask for."""

NO_ANSWER: Result = "no answer"

OWN_CHANNEL = "preferred"
"""The word for `channel:` that lets the customer's own rhythm choose among `channels`."""


class PlaybookPart(BaseModel):
    """A part of the playbook's file; it has no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(PlaybookPart):
    """A variant of a play: another subject line or template, for a share of the customers.

    Attributes:
        subject: The subject line of the e-mail; by default that of the template.
        template: The template; by default the template of the play.
        weight: The share of the customers relative to the other variants.
    """

    subject: Text | None = None
    template: Text | None = None
    weight: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _differs(self) -> Variant:
        if self.subject is None and self.template is None:
            raise ValueError("give 'subject', 'template' or both")
        return self


class After(PlaybookPart):
    """The earlier play that a play follows up.

    Attributes:
        play: The name of the earlier play.
        days: The days that must have passed since the due date of the latest task of the earlier play.
        result: The result of this task. A task without any result counts as `no answer`.
    """

    play: Text
    days: Days
    result: Result = NO_ANSWER


def _form_of_wording(value: Any) -> str:
    return "<languages>" if isinstance(value, dict) else "<text>"


Wording = Annotated[
    Annotated[Text, Tag("<text>")]
    | Annotated[Annotated[dict[Literal["en", "de"], Text], Field(min_length=1)], Tag("<languages>")],
    Discriminator(_form_of_wording),
]
"""A text for people: one text, whatever the language of the team, or a text by language."""


def _in_language(wording: str | Mapping[Any, str], language: str) -> str:
    """Return a text in a language; a text without languages is shown unchanged."""
    return wording if isinstance(wording, str) else wording[language]


class Success(PlaybookPart):
    """What a play wants to reach: a text for people, and a criterion that is computed.

    Attributes:
        text: The text in the call list, or the text by language.
        when: The criterion; see `churn.scoring.success`.
        within_days: The days from the planning of the task in which the criterion must be met.
    """

    text: Wording
    when: dict[str, Any]
    within_days: Days


def _form_of_success(value: Any) -> str:
    return "<criterion>" if isinstance(value, dict | Success) else "<text>"


SuccessOrText = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[Success, Tag("<criterion>")], Discriminator(_form_of_success)
]
"""Two forms with a tag each, so that a mistake is reported for the form that was meant, and once."""


class Play(PlaybookPart):
    """A play of the playbook: a condition, and the action for the customers for whom it holds.

    Attributes:
        name: The name; it identifies the play in the call list, the ledger and the effects.
        when: The condition over signals and scores. A follow-up (`after`) may leave it out.
        action: What to do, for the owner: a text, or a text by language.
        owner: Who does it.
        channel: The first channel; by default the first of `channels`. `preferred` lets the customer's own
            rhythm choose among `channels`.
        due_in_days: The days until the action is due.
        success: What the play wants to reach: a text, or a text with a computed criterion.
        template: The name of a template, `templates/NAME.LANGUAGE.txt`.
        audience: The list of the play, `for:` in the file.
        stage: The stages of the customers that may get the play; empty for all.
        follows: The families of the first reason for which the play goes before the order of the file.
        for_nights: The nights in a row, tonight included, that the condition must have held.
        after: The earlier play that this play follows up.
        variants: The variants, by name.
        control: The share of the play's own control group; None without one.
        cost: The cost of a contact; by default that of `evaluate.profit`.
        incentive: The cost of the offer for each customer who takes it; by default that of `evaluate.profit`.
        accept_share: The share of churners who take the offer; by default that of `evaluate.profit`.
        channels: The channels in the order of preference; the first one with consent is taken.
        budget: The new contacts of a night, of both arms, in a list with a control group; None for no bound.
        pause: Why the play is switched off; None if it is on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    name: Name
    when: dict[str, Any] | None = None
    action: Wording
    owner: Text
    channel: Text
    due_in_days: Annotated[int, Field(strict=True, ge=0, le=365)]
    success: SuccessOrText
    template: Text | None = None
    audience: Annotated[Audience, Field(alias="for")] = "at risk"
    stage: tuple[Text, ...] = ()
    follows: tuple[Text, ...] = ()
    for_nights: Annotated[int, Field(strict=True, ge=1, le=90)] = 1
    after: After | None = None
    variants: dict[Name, Variant] = {}
    control: Annotated[float, Field(strict=True, ge=0, le=0.5)] | None = None
    cost: Money | None = None
    incentive: Money | None = None
    accept_share: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = None
    channels: tuple[Text, ...] = ()
    budget: Annotated[int, Field(strict=True, ge=1)] | None = None
    pause: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, tree: Any) -> Any:
        """Take a single stage as a list of one, and the first of `channels` as `channel`."""
        if not isinstance(tree, dict):
            return tree
        tree = dict(tree)
        if isinstance(tree.get("stage"), str):
            tree["stage"] = (tree["stage"],)
        channels = tree.get("channels")
        if "channel" not in tree and isinstance(channels, list) and channels:
            tree["channel"] = channels[0]
        return tree

    @property
    def is_measured_list(self) -> bool:
        """Return whether the play is for a list and has a control group, and so plans tasks."""
        return self.audience != "at risk" and bool(self.control)

    @property
    def prefers_own_channel(self) -> bool:
        """Return whether the channel in which the customer answers most goes first."""
        return self.channel == OWN_CHANNEL

    @property
    def channel_order(self) -> tuple[str, ...]:
        """Return the channels in the order of preference."""
        return self.channels or (self.channel,)

    def action_in(self, language: str) -> str:
        """Return what to do, in the language of the team."""
        return _in_language(self.action, language)

    def success_in(self, language: str) -> str:
        """Return what the play wants to reach, in the language of the team."""
        return _in_language(self.success if isinstance(self.success, str) else self.success.text, language)

    @property
    def templates(self) -> tuple[str, ...]:
        """Return the names of all templates of the play and its variants."""
        names = [self.template, *(variant.template for variant in self.variants.values())]
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def terms(self, defaults: ProfitParams) -> ProfitParams:
        """Return the costs and the accept share of the play.

        Args:
            defaults: The costs and the accept share of `evaluate.profit`, for what the play does not state.
        """
        own = {
            "contact_cost": self.cost,
            "incentive_cost": self.incentive,
            "accept_share": self.accept_share,
        }
        return defaults.model_copy(update={key: value for key, value in own.items() if value is not None})

    def variant_shares(self) -> dict[str, float]:
        """Return the share of the customers of each variant, in the order of the file; they sum to 1."""
        total = sum(variant.weight for variant in self.variants.values())
        return {name: variant.weight / total for name, variant in self.variants.items()}


class PlaybookFile(PlaybookPart):
    """The content of the file of the playbook.

    Attributes:
        plays: The plays.
        stages: The conditions of the stages, by name. A customer is in the first stage that holds.
        owners: All owners, so that a typing mistake is found; None to allow every name.
    """

    plays: Annotated[tuple[Play, ...], Field(min_length=1)]
    stages: dict[Name, dict[str, Any]] = {}
    owners: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
