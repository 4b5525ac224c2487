"""Made-up lives of one supervisor, played on our decision core and on Erlang/OTP's own supervisor.

``python -m tests.conformance.erlang --count 5000 --seed 1`` plays new ones on both and prints where they differ;
``erl`` must be on the PATH. With ``--record`` it writes down what OTP answered, and ``test_against_erlang`` holds the
core to that wherever it runs.

Left out, because sources differ: an instance that answers ``ignore`` when it is restarted (OTP 25 goes on counting it;
later ones and Elixir forget it, as we do).
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from supervisors import ExitReason, Restart
from supervisors import decisions as do
from tests.supervisors.family_driver import Driver, child, pool, tree

RECORD = Path(__file__).with_name("otp_answers.jsonl")
ORACLE = Path(__file__).with_name("otp_oracle.erl")
IDS = "abcde"
REASONS = {
    "normal": ExitReason("normal"),
    "shutdown": ExitReason("shutdown"),
    "shutdown_detail": ExitReason("shutdown", "detail"),
    "bad": ExitReason("abnormal", "bad"),
    "killed": ExitReason("killed"),
}
REQUESTS = {"terminate": do.TerminateChild, "restart": do.RestartChild, "delete": do.DeleteChild}
WITHIN_S = 3600.0


class Life(msgspec.Struct):
    """``children`` are (id, restart, significant); of a dynamic one the only one is its template. ``plans`` say how the
    next starts of a child go. ``answers``: what was answered, and how the supervisor stood, at first and after each
    step; fewer than steps when it ended."""

    strategy: str
    max_restarts: int
    auto_shutdown: str
    children: list[tuple[str, str, bool]]
    plans: dict[str, list[str]]
    steps: list[list[Any]]
    answers: list[str] = []

    @property
    def is_dynamic(self) -> bool:
        return self.strategy == "dynamic"


# ---- making one up


def made_up(chance: random.Random) -> Life:
    strategy = chance.choice(["one_for_one", "one_for_all", "rest_for_one", "dynamic"])
    mode = chance.choice(["never", "any_significant", "all_significant"])
    names = ["template"] if strategy == "dynamic" else chance.sample(IDS, chance.randrange(5))
    children = [_child(chance, name, mode != "never") for name in names]
    plans = {name: _plan(chance, strategy) for name in IDS if chance.random() < 0.3}
    steps = [_step(chance, strategy) for _ in range(chance.randrange(4, 20))]
    return Life(strategy, chance.choice([0, 1, 2, 3, 5, 20]), mode, children, plans, steps)


def _child(chance: random.Random, name: str, may_be_significant: bool) -> tuple[str, str, bool]:
    restart = chance.choice([Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY])
    can_be = may_be_significant and restart is not Restart.PERMANENT
    return (name, str(restart), can_be and chance.random() < 0.4)


def _plan(chance: random.Random, strategy: str) -> list[str]:
    outcomes = ["ok", "ok", "fail", "fail", "ok" if strategy == "dynamic" else "ignore"]
    return [chance.choice(outcomes) for _ in range(chance.randrange(6))]


def _step(chance: random.Random, strategy: str) -> list[Any]:
    verbs = ["start", "terminate", "plan", "die", "die", "die"]
    verb = chance.choice(verbs if strategy == "dynamic" else [*verbs, "restart", "delete"])
    name = chance.choice(IDS)
    match verb:
        case "start":
            return [verb, _child(chance, name, chance.random() < 0.9)]
        case "plan":
            return [verb, name, _plan(chance, strategy)]
        case "die":
            return [verb, name, chance.choice(list(REASONS))]
    return [verb, name]


# ---- playing it here


def played(life: Life) -> list[str]:
    """What our decision core answers."""
    specs = [child(name, restart=restart, significant=significant) for name, restart, significant in life.children]
    limits: dict[str, Any] = {"max_restarts": life.max_restarts, "within_s": WITHIN_S}
    limits["auto_shutdown"] = life.auto_shutdown
    world = Driver(pool(specs[0], **limits) if life.is_dynamic else tree(*specs, strategy=life.strategy, **limits))
    world.plan.update({name: list(plan) for name, plan in life.plans.items()})
    world.begin()
    if not world.is_ready:
        return ["start_failed"]
    answers, were_up = [f"up {_state(world)}"], set(world.generations)
    for step in life.steps:
        if world.end is None:
            answers.append(f"{_answer(world, life, step, were_up)} {_state(world)}")
            were_up |= set(world.generations)
    return answers


def _answer(world: Driver, life: Life, step: list[Any], were_up: set[str]) -> str:
    match step:
        case ["plan", name, plan]:
            world.plan[name] = list(plan)
        case ["die", name, reason] if name in world.generations:
            world.dies(name, REASONS[reason])
        case ["start", (name, _, _)] if life.is_dynamic and name not in world.generations:
            return _started(world.add_instance(name))
        case ["start", (name, restart, significant)] if not life.is_dynamic:
            return _started(world.add(child(name, restart=restart, significant=significant)))
        case ["restart", name]:
            return _started(world.ask(do.RestartChild, name))
        case ["terminate" | "delete" as verb, name] if name in were_up or not life.is_dynamic:
            found = world.ask(REQUESTS[verb], name)
            return found if isinstance(found, str) and " " not in found else "ok"
    return "done"


def _started(found: Any) -> str:
    if isinstance(found, str):
        return "ignored" if " " in found else found
    return "ok" if found.pid is not None else "ignored"


def _state(world: Driver) -> str:
    if world.end is not None:
        return f"dead {world.end.reason.kind}"
    rows, up = world.family.rows, world.active()
    listed = [f"{row.id}{'+' if row.id in up else '-'} " for row in rows]
    is_dynamic = world.spec.strategy == "dynamic"
    counts = f"[{1 if is_dynamic else len(rows)},{len(up)},0,{len(rows)}]"
    return "".join(sorted(listed) if is_dynamic else listed) + counts


# ---- playing it on Erlang


def played_on_erlang(lives: list[Life]) -> list[list[str]]:
    """What OTP answers. OSError when there is no ``erl``; CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        given, book = Path(folder, "lives"), Path(folder, "answers")
        given.write_text("".join(f"{_term(number, life)}.\n" for number, life in enumerate(lives)))
        play = f'{{ok, _}} = compile:file("{ORACLE}"), otp_oracle:play("{given}", "{book}"), halt().'
        subprocess.run(["erl", "-noshell", "-eval", play], cwd=folder, check=True)
        lines = [line.split(" ", 1) for line in book.read_text().splitlines()]
    return [[answer for _, answer in of_one] for _, of_one in groupby(lines, key=lambda line: line[0])]


def _term(number: int, life: Life) -> str:
    strategy = "simple_one_for_one" if life.is_dynamic else life.strategy
    plans = [(name, plan) for name, plan in life.plans.items()]
    steps = [("start", tuple(step[1])) if step[0] == "start" else tuple(step) for step in life.steps]
    return _erlang((number, strategy, life.max_restarts, life.auto_shutdown, life.children, plans, steps))


def _erlang(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{{{','.join(map(_erlang, value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_erlang, value))}]"
    return str(value).lower()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args(arguments)
    chance = random.Random(chosen.seed)
    lives = [made_up(chance) for _ in range(chosen.count)]
    different = 0
    for life, answers in zip(lives, played_on_erlang(lives), strict=True):
        life.answers = answers
        ours = played(life)
        if ours != answers:
            different += 1
            print(msgspec.json.encode(life).decode(), ours, sep="\n", end="\n\n")
    if chosen.record:
        RECORD.write_bytes(b"".join(msgspec.json.encode(life) + b"\n" for life in lives))
    answered = sum(len(life.answers) for life in lives)
    print(f"seed {chosen.seed}: {len(lives)} lives, {answered} answers, {different} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
