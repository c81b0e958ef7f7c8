"""What the detector and a report cannot show, in words; docs/response.md has the same list."""

from __future__ import annotations

from typing import Final

#: As docs/evaluation.md ("Known limits") has measured them.
OF_DETECTION: Final = (
    "Only what was detected is counted.",
    "Small campaigns, relays, resellers and routers are detected late or not at all.",
    "Little is detected where the log has no text.",
    "A compromised account of long standing is detected only once much of its traffic is new.",
    "An incident is a finding of a statistical model, no proof of who acted or why.",
)
OF_THE_REPORT: Final = (
    "An incident belongs to the period of its first alert.",
    "Figures are those of the newest records, also where these are later than the period.",
    "Requests and tokens count from the first evidence on; what was sent before is not known.",
    "An account of two incidents counts twice; so does an incident that another one continued.",
    "Countries and models are those of the gateway's log; of failed requests no model is shown.",
    "Groups of fewer than 5 accounts are only in the others, and sometimes slightly larger ones.",
    "Of a campaign, all that a member did counts for its main country and its main model.",
    "What campaigns had of a day counts when it is looked at; late records are not in the ledger.",
    "Single accounts have no models, no countries, no reasoning tokens, and no part of a day.",
    "Networks are only those that members of a campaign share and few others use.",
    "Shares that leaked lack what members sent before they were found: they are lower bounds.",
    "Times of detection are those of the log, all others those of the writers' clocks.",
    "Tokens not taken are an estimate.",
    "Alerts, verdicts and ledger are not signed: who may write to their topics can change it.",
)
WITHOUT_KEY: Final = "decisions.key is not set: no decision and no effect was read."
DROPPED: Final = "There were more decisions or effects than are kept: some of them are missing."
LEDGER_INCOMPLETE: Final = "The ledger begins within the period: what left before is missing."
INCOMPLETE: Final = "The alerts topic begins within the period: what was before is missing."
