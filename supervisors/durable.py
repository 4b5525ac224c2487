"""``DurableActor``: its state survives the death of its process, and nothing it says runs ahead of what is on disk.

What a handler replies, sends and starts is held back until the state it leaves behind is stored; a handler that raises
leaves nothing. So whoever got an answer can rely on it after ``kill -9``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from msgspec import Struct
from pydantic import BaseModel

from supervisors.actor import Asked, ManagedActor
from supervisors.answers import Answers
from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import IGNORE, LifecycleEvent, checked_key
from supervisors.parcel import packed
from supervisors.snapshot_errors import SnapshotError, SnapshotUnreadable
from supervisors.snapshot_format import Snapshot, encode
from supervisors.snapshot_rules import Found, Plan, plan
from supervisors.versioned_state import dumped, loaded, migrated, version_of
from supervisors.whereabouts import checked_name

WAITING_MAX = 100


class Restored(Struct, frozen=True):
    """What this incarnation began with. ``version`` is None when nothing had ever been stored; ``age_s`` by the wall
    clock; ``rejected`` says which newer snapshots could not be read and why, ``set_aside`` which did not start."""

    version: int | None = None
    age_s: float | None = None
    rejected: tuple[str, ...] = ()
    set_aside: tuple[int, ...] = ()


class DurableActor(ManagedActor):
    """Base of actors with durable state. Subclasses define ``State``, a pydantic model whose version is its class
    variable or field default ``version`` or ``schema_version`` (none: 1), and work on ``self.state``.

    A handler's replies, sends and jobs leave when its state is stored. When it cannot be stored, they never do, and the
    actor ends with the error as its reason. A message with an idempotency key that was handled is not handled again:
    its answer, which must be JSON (tuples allowed), is given again; the last ``answers_kept`` are known.
    """

    State: ClassVar[type[BaseModel]]
    answers_kept: ClassVar[int] = 200
    fresh_when_unreadable: ClassVar[bool] = False

    state: Any
    restored: Restored

    # -- to override

    def initial_state(self) -> BaseModel:
        """The state of an actor that has never had one."""
        return self.State()

    def migrate(self, old: dict[str, Any], version: int) -> BaseModel | dict[str, Any]:
        """``old``, the stored state of model version ``version``, as the state of today. A raise fails the start."""
        mine = version_of(self.State)
        raise SnapshotUnreadable("invalid", f"state of version {version}, and no migrate() to version {mine}")

    # -- to use

    def reply(self, value: Any, to: Asked | None = None) -> None:
        shell, asked = self._shell, to or self._shell.current
        if asked is None:
            return
        everyone = [asked]
        if asked.key is not None:
            self._answers.answer(asked.key, value)
            everyone += self._waiting.pop(asked.key, [])
        answer = packed(value)
        self._outgoing += [lambda each=each: shell.reply(answer, each) for each in everyone]  # type: ignore[misc]

    def asked(self) -> Asked | None:
        asked = super().asked()
        if asked is not None and asked.key is not None:
            self._waiting.setdefault(asked.key, [])
        return asked

    def send(self, target: str, message: Any, *, idempotency_key: str | None = None) -> bool:
        mail = self._shell.mail
        held = self._held_for.get(checked_name(target), 0)
        if held >= mail.room(target):
            return False
        checked_key(idempotency_key)
        parcel = packed(message)
        self._held_for[target] = held + 1
        self._outgoing.append(lambda: mail.send(target, parcel, idempotency_key))
        return True

    def start_job(self, job: str, work: Callable[..., Any], *args: Any) -> None:
        self._outgoing.append(lambda: self._shell.system.jobs.start(job, work, *args))

    # -- what the shell calls

    def _begin(self, args: dict[str, Any]) -> Any:
        self._outgoing: list[Callable[[], Any]] = []
        self._held_for: dict[str, int] = {}
        self._waiting: dict[str, list[Asked]] = {}
        self._answers = Answers(self.answers_kept)
        self._generation, self._version, self._stored = 0, 0, ""
        self._store = self._shell.system.snapshots()
        used = Plan()
        try:
            used = self._claimed()
            self._restore(used)
            info = super()._begin(args)
            self._store.started(self._generation, used.suspects)
            self._tell_set_aside(used)
            if info is IGNORE:
                self._store.close()
            else:
                self._commit()
        except (Exception, SystemExit) as error:
            self._start_failed(used, error)
            raise
        return info

    def _handle(self, message: Any, sender: str | None, key: str | None) -> None:
        if key is not None:
            if self._answers.find(key) is not None:
                self._answer_again(key)
                return
            self._answers.begin(key)
        super()._handle(message, sender, key)
        self._commit()

    def _finish(self, reason: ExitReason) -> None:
        try:
            super()._finish(reason)
            self._commit()
        finally:
            self._store.close()

    # -- within

    def _claimed(self) -> Plan:
        try:
            return plan(self._owned(self._store.claim()), self.path)
        except SnapshotUnreadable as error:
            if not self.fresh_when_unreadable:
                raise
            self._owned(self._store.start_over())
            self._remark("snapshots_discarded", f"began anew: {error}")
            return Plan(rejected=(str(error),))

    def _owned(self, found: Found) -> Found:
        self._generation, self._version = found.head.generation, found.head.version
        return found

    def _restore(self, used: Plan) -> None:
        snapshot = used.snapshot
        if used.rejected and snapshot is not None:
            self._remark("snapshot_rejected", f"uses {snapshot.version}: {'; '.join(used.rejected)}")
        if snapshot is None:
            self.restored = Restored(rejected=used.rejected)
            self.state = self.initial_state()
            return
        age_s = self.wall() - snapshot.saved_at
        self.restored = Restored(snapshot.version, age_s, used.rejected, used.suspects)
        content = json.loads(snapshot.body)
        self.state = self._state_from(content["state"], snapshot)
        self._answers.load(content["answers"])
        if snapshot.schema == version_of(self.State) and snapshot.version == self._version:
            self._stored = snapshot.body

    def _state_from(self, stored: dict[str, Any], snapshot: Snapshot) -> BaseModel:
        mine = version_of(self.State)
        if snapshot.schema > mine:
            raise SnapshotUnreadable("newer", f"state of version {snapshot.schema}, this program knows {mine}")
        if snapshot.schema < mine:
            return migrated(self.migrate(stored, snapshot.schema), self.State)
        return loaded(json.dumps(stored), self.State)

    def _tell_set_aside(self, used: Plan) -> None:
        if used.suspects and used.snapshot is not None:
            numbers = ", ".join(map(str, used.suspects))
            what = f"snapshot {numbers} did not start twice; {used.snapshot.version} did"
            self._remark("snapshot_set_aside", what)

    def _remark(self, kind: str, text: str) -> None:
        self._shell.mail.remark(LifecycleEvent(self.wall(), kind, self.path, None, detail=text))

    def _start_failed(self, used: Plan, error: BaseException) -> None:
        """A fault of the world is not held against the state; nor is state that a newer program must read."""
        is_fault_of_world = isinstance(error, OSError | SnapshotError)
        try:
            if self._generation:
                blames_state = used.snapshot is not None and not is_fault_of_world
                self._store.start_raised(self._generation, blames_state=blames_state)
        except SnapshotError:
            pass
        self._store.close()

    def _answer_again(self, key: str) -> None:
        asked = self._shell.current
        handled = self._answers.find(key)
        if asked is None or handled is None:
            return
        if handled.answer is not None:
            self._shell.reply(handled.value, asked)
        elif key in self._waiting and len(self._waiting[key]) < WAITING_MAX:
            self._waiting[key].append(asked)
        else:
            text = f"{self.path!r} has handled the message of key {key!r} and has no answer to it"
            self._shell.mail.refuse(asked.reply_to, asked.request, SupervisorError("actor_failed", text))

    def _commit(self) -> None:
        """The state is stored if it has changed; then what was held back leaves, in its order."""
        body = self._body()
        if body != self._stored:
            version, schema = self._version + 1, version_of(self.State)
            snapshot = Snapshot(self.path, self._generation, version, schema, self.wall(), body)
            self._store.write(self._generation, version, encode(snapshot))
            self._version, self._stored = version, body
        leaving, self._outgoing = self._outgoing, []
        self._held_for.clear()
        for leave in leaving:
            leave()

    def _body(self) -> str:
        """State and answers as JSON; what could not be restored is refused here, before it is stored."""
        state = dumped(self.state, self.State)
        body = f'{{"state": {state}, "answers": {self._answers.dumped()}}}'
        if body != self._stored:
            loaded(state, self.State)
        return body
