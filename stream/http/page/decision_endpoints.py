"""HTTP endpoints of decisions, below the page's token.

::

    GET  /page/api/decisions               what waits and what is in force
    GET  /page/api/decisions/ended         the history; expired, undone, refused: a part of it
    GET  /page/api/decisions/about/inc_ID  those about an incident
    POST /page/api/decisions/approve       as `distillwatch approve`; refuse and undo likewise

A change names the state that the person saw: where another one counts by now, an approval or a
refusal is refused (409).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from stream.core.decisions import DECISION_ID
from stream.core.errors import BrokerError, DecisionError
from stream.http.page.decision_board import changed
from stream.http.page.decision_lists import ENDED_LISTS
from stream.http.page.decision_views import decision_overview, rows
from stream.http.page.form import json_answer, read_form, unavailable, versioned

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.decisions.decision_desk import DecisionDesk
    from stream.decisions.transitions import Stored
    from stream.http.page.decision_board import DecisionBoard
    from stream.http.page.incident_history import IncidentHistory

_ABOUT: Final = "about/"


class _DecisionForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person does with a decision."""

    decision_id: Annotated[str, Meta(pattern=DECISION_ID)]
    sequence: Annotated[int, Meta(ge=1)]  # of the state that the person saw
    author: Annotated[str, Meta(max_length=128, pattern=r"\S")]
    reason: Annotated[str, Meta(max_length=1000)] = ""


_form = msgspec.json.Decoder(_DecisionForm).decode


def _approve(desk: DecisionDesk, form: _DecisionForm, time: float) -> Stored:
    return desk.approve(form.decision_id, form.author, time, note=form.reason)


def _refuse(desk: DecisionDesk, form: _DecisionForm, time: float) -> Stored:
    return desk.refuse(form.decision_id, form.author, time, note=form.reason)


def _undo(desk: DecisionDesk, form: _DecisionForm, time: float) -> Stored:
    return desk.undo(form.decision_id, form.author, time, note=form.reason)


_ACTS: Final[dict[str, Callable[[DecisionDesk, _DecisionForm, float], Stored]]] = {
    "approve": _approve,
    "refuse": _refuse,
    "undo": _undo,
}


class DecisionEndpoints:
    """Answers below /page/api/decisions, once the page has checked the token."""

    def __init__(self, board: DecisionBoard, history: IncidentHistory) -> None:
        """``history`` knows the severity of incidents."""
        self.board = board
        self._history = history

    async def answer(self, request: web.BaseRequest, name: str) -> web.Response:
        """Answer a request for ``name``, the rest of its path."""
        if not self.board.read_at_s:
            return unavailable("decisions have not been read yet")
        if name in _ACTS:
            form = await read_form(request, _form)
            return form if isinstance(form, web.Response) else await self._change(name, form)
        if request.method != "GET":
            return web.Response(status=405, headers={"Allow": "GET"})
        view = self._view(name)
        return json_answer({"error": "unknown"}, 404) if view is None else versioned(request, view)

    def _view(self, name: str) -> object:
        board, history = self.board, self._history
        if not name:
            return decision_overview(board, history)
        if name.startswith(_ABOUT):
            return rows(board, history, board.lists.about(name.removeprefix(_ABOUT)))
        ended = next((one for one in ENDED_LISTS if one == name), None)
        return None if ended is None else rows(board, history, board.lists.ended(ended))

    async def _change(self, name: str, form: _DecisionForm) -> web.Response:
        if name != "approve" and not form.reason.strip():
            return json_answer({"error": "a reason is needed"}, 400)
        known = self.board.register.get(form.decision_id)
        if known is None:
            return json_answer({"error": f"there is no decision {form.decision_id}"}, 404)
        # An undo means what is in force, also when an enforcer has begun to apply it since.
        if name != "undo" and known.decision.sequence != form.sequence:
            return json_answer({"error": changed(form.decision_id, known)}, 409)
        try:
            found = await self.board.change(known, lambda desk, time: _ACTS[name](desk, form, time))
        except DecisionError as error:
            return json_answer({"error": str(error)}, 409)
        except BrokerError as error:
            return unavailable(str(error))
        return json_answer({"state": found.state, "sequence": found.sequence}, 200)
