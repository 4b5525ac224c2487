"""The law of the guardian: ``decide(guard, event, now)``, what it knows from then on and what it does, in order. Pure.

An event is first taken for what it means (a handler below, which may raise the aim), then the table says which phase
follows, and what is done on entering it. Real and simulated systems are carried by this same function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec.structs import replace

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason
from supervisors.guardian_decisions import Action, Aim, Event, Guard
from supervisors.guardian_policy import CALM_S, HEAD_START_S, alarm_of, is_final, revive
from supervisors.guardian_sight import WAKING_S, Pulse, feed, suspect
from supervisors.guardian_table import Happening, Phase, phase_after

START_LIMIT_S = 120.0
LAST_WORD_LIMIT_S = 1.0
LEAVING_LIMIT_S = 5.0
EXIT_CODES = {"ended": 1, "start_failed": 1, "unfit": 78}
CHANGED = "the configuration has changed"
KILLED = "SIGKILL"  # by somebody: of what the system itself ends it says why
GONE = "its state directory was removed or replaced while it ran"
WATCHED = (Phase.RUNNING, Phase.STOPPING)

Meaning: TypeAlias = tuple[Guard, Happening | None, str, list[Action]]
"""What is known now, what has happened, why (for the end of a system), and what is done whatever follows."""


def decide(guard: Guard, event: Event, now: float) -> tuple[Guard, list[Action]]:
    """What the guardian knows after ``event``, and what it does, in this order: nothing, once it is over."""
    if guard.phase is Phase.OVER:
        return guard, []
    known, happening, why, actions = _HANDLERS[type(event)](guard, event, now)
    phase = known.phase if happening is None else phase_after(known.phase, happening)
    if phase is known.phase:
        return known, actions
    known, entered = _ENTERED[phase](replace(known, phase=phase, why=why or known.why, until=None), now)
    return known, actions + entered


# ---- what an event means ---------------------------------------------------------------------------------------------


def _begun(guard: Guard, _event: do.Begun, _now: float) -> Meaning:
    return guard, Happening.BEGUN, "", []


def _came_up(guard: Guard, event: do.CameUp, now: float) -> Meaning:
    if guard.phase not in WATCHED:
        return guard, None, "", []
    until = None if guard.phase is Phase.RUNNING else guard.until
    up = replace(guard, up_at=now, was_up=True, until=until)
    return up, None, "", [do.Say("up", event.pids), do.Notify("ready")]


def _allowed(guard: Guard, event: do.Allowed, _now: float) -> Meaning:
    until = guard.until
    if guard.phase is Phase.STOPPING and until is not None:
        until += event.stop_s
    return replace(guard, allowed_s=guard.allowed_s + event.stop_s, until=until), None, "", []


def _said(guard: Guard, event: do.Said, _now: float) -> Meaning:
    if phase_after(guard.phase, Happening.SAID) is guard.phase:
        return guard, None, "", []
    return replace(guard, word=event), Happening.SAID, f"{event.kind}: {event.reason.detail or event.reason.kind}", []


def _wordless(guard: Guard, _event: do.Wordless, _now: float) -> Meaning:
    return guard, Happening.WORDLESS, "", []


def _died(guard: Guard, event: do.Died, _now: float) -> Meaning:
    is_told = guard.phase in (Phase.LISTENING, Phase.LEAVING)
    why = "" if is_told else f"{' and '.join(sorted(event.names))} died"
    if "launcher" in event.names:
        return guard, Happening.LAUNCHER_DIED, why, []
    return guard, Happening.ROOT_DIED if event.names == {"root"} else Happening.BROKEN, why, []


def _looked(guard: Guard, event: do.Looked, now: float) -> Meaning:
    if guard.phase not in WATCHED:
        return guard, None, "", []
    stopped = event.stopped if now >= guard.waking_until else {}
    found = suspect(guard.suspects, stopped, event.answered, now)
    guard = replace(guard, suspects=found.suspects)
    if found.frozen:
        return guard, Happening.BROKEN, f"{' and '.join(sorted(found.frozen))} froze", []
    actions: list[Action] = [do.AskForLife()] if found.ask else []
    if guard.up_at is not None and guard.watchdog_s is not None:
        pulse, is_fed, must_ask = feed(guard.pulse, event.answered, guard.watchdog_s, now)
        guard = replace(guard, pulse=pulse)
        actions += [do.Notify("alive")] if is_fed else []
        actions += [do.AskForLife()] if must_ask and not found.ask else []
    if guard.is_alarmed and guard.up_at is not None and now - guard.up_at >= CALM_S:
        return replace(guard, is_alarmed=False), None, "", [*actions, do.Say("calm", "")]
    return guard, None, "", actions


def _stop_asked(guard: Guard, _event: do.StopAsked, _now: float) -> Meaning:
    """The first drains, each further one forces."""
    if guard.aim is Aim.STOP:
        return guard, Happening.MUST_END, "forced", []
    return replace(guard, aim=Aim.STOP), Happening.STOP_ASKED, "stopped", [do.Notify("stopping")]


def _hung_up(guard: Guard, _event: do.HungUp, _now: float) -> Meaning:
    return guard, None, "", [do.Reload()] if guard.aim < Aim.ABANDON else []


def _reloaded(guard: Guard, event: do.Reloaded, _now: float) -> Meaning:
    """A changed configuration has effect on the next system, and the one that runs is stopped in good order for it;
    one that is wrong changes nothing, and is told of."""
    told: list[Action] = [do.Notify("reloaded", event.trouble)]
    if event.trouble:
        return guard, None, "", [do.Say("reload_failed", event.trouble), *told]
    guard = replace(guard, stop_limit_s=event.stop_limit_s)
    if not event.changed or guard.phase is not Phase.RUNNING:
        return guard, None, "", told
    return replace(guard, aim=Aim.RENEW), Happening.CHANGED, CHANGED, told


def _host_ended(guard: Guard, _event: do.HostEnded, _now: float) -> Meaning:
    return replace(guard, aim=Aim.STOP), Happening.MUST_END, "host", []


def _place_lost(guard: Guard, _event: do.PlaceLost, _now: float) -> Meaning:
    return replace(guard, aim=max(guard.aim, Aim.ABANDON)), Happening.MUST_END, GONE, []


def _swept(guard: Guard, _event: do.Swept, now: float) -> Meaning:
    """The system is gone: by its own decision, to be replaced, or to be brought back."""
    if guard.phase is not Phase.ENDING:
        return guard, None, "", []
    if guard.aim is Aim.RENEW:
        return guard, Happening.GONE_FOR_NEW, "", [do.Say("down", ExitReason("shutdown", CHANGED))]
    if guard.aim is not Aim.JUDGE or _is_final(guard):
        return guard, Happening.GONE_FOR_GOOD, "", []
    verdict = revive(guard.revivals, up_since=guard.up_at, now=now, never_give_up=guard.never_give_up)
    guard = replace(guard, revivals=verdict.revivals)
    if verdict.delay_s is None:
        return guard, Happening.GONE_FOR_GOOD, f"guardian_limit: {guard.why}", []
    told = alarm_of(guard.why) if verdict.is_slowed else guard.why
    said: list[Action] = [do.Say("down", ExitReason("abnormal", guard.why)), do.Notify("healing", told)]
    if verdict.is_slowed and not guard.is_alarmed:
        said.append(do.Say("alarm", told))
    guard = replace(guard, not_before=now + verdict.delay_s, is_alarmed=guard.is_alarmed or verdict.is_slowed)
    return guard, Happening.GONE_FOR_NOW, "", said


def _held_up(guard: Guard, event: do.HeldUp, now: float) -> Meaning:
    """Perhaps nobody ran: that time is held against nobody, and who is still stopped is perhaps about to be continued.
    Only a pause is over when it would have been."""
    until = guard.until if guard.until is None or guard.phase is Phase.PAUSING else guard.until + event.by_s
    return replace(guard, suspects={}, until=until, waking_until=now + min(event.by_s, WAKING_S)), None, "", []


def _tick(guard: Guard, _event: do.Tick, now: float) -> Meaning:
    if guard.until is None or now < guard.until:
        return guard, None, "", []
    why = {
        Phase.RUNNING: f"the system was not up after {START_LIMIT_S:g} s",
        Phase.STOPPING: f"the stop took longer than {guard.stop_limit_s + guard.allowed_s:g} s",
    }
    return guard, Happening.DUE, why.get(guard.phase, ""), []


def _is_final(guard: Guard) -> bool:
    word = guard.word
    if word is None:
        return False
    was_killed = word.reason.detail == KILLED
    return is_final(word.kind, was_up=guard.was_up, never_give_up=guard.never_give_up, was_killed=was_killed)


# ---- what is done on entering a phase --------------------------------------------------------------------------------


def _running(guard: Guard, now: float) -> tuple[Guard, list[Action]]:
    fresh = replace(guard, aim=Aim.JUDGE, why="", word=None, up_at=None, allowed_s=0.0, suspects={}, pulse=Pulse())
    return replace(fresh, until=max(now, guard.not_before) + START_LIMIT_S), [do.Launch(guard.not_before)]


def _stopping(guard: Guard, now: float) -> tuple[Guard, list[Action]]:
    return replace(guard, until=now + guard.stop_limit_s + guard.allowed_s), [do.AskToStop()]


def _listening(guard: Guard, now: float) -> tuple[Guard, list[Action]]:
    return replace(guard, until=now + LAST_WORD_LIMIT_S), [do.AskForLastWord()]


def _leaving(guard: Guard, now: float) -> tuple[Guard, list[Action]]:
    return replace(guard, until=now + LEAVING_LIMIT_S), []


def _ending(guard: Guard, _now: float) -> tuple[Guard, list[Action]]:
    return guard, [do.Sweep()]


def _pausing(guard: Guard, now: float) -> tuple[Guard, list[Action]]:
    """The next launcher may begin a little before its system may."""
    return replace(guard, word=None, until=max(now, guard.not_before - HEAD_START_S)), []


def _over(guard: Guard, _now: float) -> tuple[Guard, list[Action]]:
    reason = ExitReason("shutdown", guard.why)
    if guard.aim is Aim.STOP:
        return guard, [do.Say("ended", guard.word.reason if guard.word else reason), do.Exit(0)]
    if guard.aim is Aim.JUDGE and guard.word is not None and _is_final(guard):
        return guard, [do.Say(guard.word.kind, guard.word.reason), do.Exit(EXIT_CODES[guard.word.kind])]
    return guard, [do.Say("ended", reason), do.Exit(1)]


_HANDLERS: dict[type, Callable[[Guard, Any, float], Meaning]] = {
    do.Begun: _begun,
    do.CameUp: _came_up,
    do.Allowed: _allowed,
    do.Said: _said,
    do.Wordless: _wordless,
    do.Died: _died,
    do.Looked: _looked,
    do.StopAsked: _stop_asked,
    do.HungUp: _hung_up,
    do.Reloaded: _reloaded,
    do.HostEnded: _host_ended,
    do.PlaceLost: _place_lost,
    do.Swept: _swept,
    do.HeldUp: _held_up,
    do.Tick: _tick,
}
_ENTERED: dict[Phase, Callable[[Guard, float], tuple[Guard, list[Action]]]] = {
    Phase.RUNNING: _running,
    Phase.STOPPING: _stopping,
    Phase.LISTENING: _listening,
    Phase.LEAVING: _leaving,
    Phase.ENDING: _ending,
    Phase.PAUSING: _pausing,
    Phase.OVER: _over,
}
