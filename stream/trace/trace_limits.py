"""What a trace cannot show, in words; docs/response.md has the same list."""

from __future__ import annotations

from typing import Final

LIMITS: Final = (
    "Only copies are found; paraphrases and translations are not.",
    "Only answers that the gateway logged while trace.enabled was on, and that are kept, are seen.",
    "Answers of fewer than eight words are never seen, and of short ones only some.",
    "It shows that answers are in the data set, not who put them there or trained a model on it.",
    "Well-known text that accounts were given, and that the data set has, too, looks like a copy.",
    "An answer that unrelated accounts were given, too, counts for none: repeating it hides it.",
    "A data set that was the source of answers looks as if it was made of them: give its date.",
    "Campaigns are those that were detected; accounts outside of incidents are not tested.",
    "Members that were not detected are among the controls: they raise p.",
    "p assumes that chance matches of members are as those of accounts outside of incidents.",
    "A canary shows that the text passed someone who had seen the word, and may have planted it.",
    "Canaries are found as whole words of the same spelling, in texts of 24 characters or more.",
    "Alerts and stored answers are not signed: who may write to their topics can change this.",
)
WITHOUT_CANARIES: Final = "Canaries were not searched for."
WITHOUT_DATE: Final = "The date of the data set is not given: later answers were no controls."
