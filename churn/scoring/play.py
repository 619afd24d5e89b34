"""The parts of a playbook, as they stand in its file: stages, plays, variants and criteria of success."""

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
"""The list to which a play belongs. A customer is on at most one list of a night."""

AUDIENCES: tuple[Audience, ...] = ("at risk", "advocates", "gone")

Result = Literal["no answer", "declined", "done"]
"""The result of a task (a planned contact) that a follow-up play may require."""

NO_ANSWER: Result = "no answer"

OWN_CHANNEL = "preferred"
"""The word for `channel:` if the channel in which the customer answers most often is tried first."""


class PlaybookPart(BaseModel):
    """A part of the playbook's file; a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(PlaybookPart):
    """A variant of a play: another subject line or template, which a share of the customers gets.

    Attributes:
        subject: The subject line of the e-mail; by default the subject line of the template.
        template: The name of the template for the message; by default the template of the play.
        weight: The variant's share of the customers is this weight divided by the sum of all weights.
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
        days: The number of days that must have passed since the due date of the latest task of the earlier
            play.
        result: The result that the latest task of the earlier play must have. A task without a result counts
            as `no answer`.
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
"""A text for people: one text for all languages, or one text for each language."""


def _in_language(wording: str | Mapping[Any, str], language: str) -> str:
    """Return a text in a language; one text for all languages is returned as it is."""
    return wording if isinstance(wording, str) else wording[language]


class Success(PlaybookPart):
    """What a play wants to reach: a text for people, and a criterion that the program computes.

    Attributes:
        text: The aim of the play, as the call list shows it: one text, or one text for each language.
        when: The criterion of success; see `churn.scoring.success`.
        within_days: The criterion must be met within this number of days from the planning of the task.
    """

    text: Wording
    when: dict[str, Any]
    within_days: Days


def _form_of_success(value: Any) -> str:
    return "<criterion>" if isinstance(value, dict | Success) else "<text>"


SuccessOrText = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[Success, Tag("<criterion>")], Discriminator(_form_of_success)
]
"""The two forms, each with a tag. So a mistake is reported only once, for the form that the user meant."""


class Play(PlaybookPart):
    """A play of the playbook: a condition, and the action for the customers for whom the condition is true.

    Attributes:
        name: The name, which identifies the play in the call list, the ledger and the measured effects.
        when: The condition over signals and scores. A play that follows up another play (`after`)
            may have no condition.
        action: What the owner of the play must do: one text, or one text for each language.
        owner: The person or the team who acts.
        channel: The channel that is tried first; by default the first of `channels`. If the word `preferred`
            stands here, the channel in which the customer answers most often is tried first.
        due_in_days: The number of days until the action is due.
        success: What the play wants to reach: a text, or a text with a criterion that the program computes.
        template: The name of a template, which is the file `templates/NAME.LANGUAGE.txt`.
        audience: The list to which the play belongs; in the file the key is `for:`.
        stage: The stages whose customers may get the play; empty for all stages.
        follows: The families of signals, such as payment, to which the play responds. If `follows` lists the
            family of the first reason for a customer's score, the play comes before all plays that do not
            list this family. This holds whatever the order in the file.
        for_nights: The number of nights in a row, tonight included, in which the condition must be true.
        after: The earlier play that this play follows up.
        variants: The variants, by name.
        control: The share of customers in the play's own control group; None if the play has no control
            group.
        cost: The cost of a contact in currency; by default the cost in `evaluate.profit`.
        incentive: The cost of the offer for each customer who takes it; by default the cost in
            `evaluate.profit`.
        accept_share: The share of churners who take the offer; by default the share in `evaluate.profit`.
        channels: The channels, the preferred one first; the first channel that the customer consented to is
            taken.
        budget: For a list with a control group: the largest number of new contacts in a night, both arms
            together; None for no limit.
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
        """Turn a single stage into a list with one stage; if `channel` is missing, fill in the first of
        `channels`.
        """
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
        """Return whether the play has a control group and is for a list other than the call list.

        The contacts of such a play are planned as tasks.
        """
        return self.audience != "at risk" and bool(self.control)

    @property
    def prefers_own_channel(self) -> bool:
        """Return whether the channel in which the customer answers most often is tried first."""
        return self.channel == OWN_CHANNEL

    @property
    def channel_order(self) -> tuple[str, ...]:
        """Return the channels, the preferred one first."""
        return self.channels or (self.channel,)

    def action_in(self, language: str) -> str:
        """Return the text that says what to do, in the language of the team."""
        return _in_language(self.action, language)

    def success_in(self, language: str) -> str:
        """Return the text that says what the play wants to reach, in the language of the team."""
        return _in_language(self.success if isinstance(self.success, str) else self.success.text, language)

    @property
    def templates(self) -> tuple[str, ...]:
        """Return the names of all templates of the play and its variants."""
        names = [self.template, *(variant.template for variant in self.variants.values())]
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def terms(self, defaults: ProfitParams) -> ProfitParams:
        """Return the costs of the play, and the share of churners who take its offer.

        Args:
            defaults: The values of `evaluate.profit`; they are taken where the play states no value.
        """
        own = {
            "contact_cost": self.cost,
            "incentive_cost": self.incentive,
            "accept_share": self.accept_share,
        }
        return defaults.model_copy(update={key: value for key, value in own.items() if value is not None})

    def variant_shares(self) -> dict[str, float]:
        """Return each variant's share of the customers, in the order of the playbook; the shares sum to 1."""
        total = sum(variant.weight for variant in self.variants.values())
        return {name: variant.weight / total for name, variant in self.variants.items()}


class PlaybookFile(PlaybookPart):
    """The content of the playbook's file.

    Attributes:
        plays: The plays.
        stages: The conditions of the stages, by name. A customer is in the first stage whose condition is
            true.
        owners: All names of owners, so that a typing mistake is found; None allows every name.
    """

    plays: Annotated[tuple[Play, ...], Field(min_length=1)]
    stages: dict[Name, dict[str, Any]] = {}
    owners: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
