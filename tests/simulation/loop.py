"""An event loop whose time is its own, and in which operating-system processes live and die.

Within one process callbacks run in the order asyncio promises; between processes the order is drawn
from the seed. Time passes only when nobody has anything to do, so hours take no time.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Process:
    """One run of a program: killed, nothing of it is ever executed again, no ``finally`` either."""

    name: str
    alive: bool = True
    resumes_at: float = 0.0
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)
    on_death: list[Callable[[], None]] = field(default_factory=list)


OUTSIDE = Process("servers")  # PostgreSQL, Kafka and the network: they outlive what talks to them
HERE: ContextVar[Process] = ContextVar("process", default=OUTSIDE)


STEPS_MAX = 200_000  # a schedule takes some thousand


class Stuck(Exception):
    """What was waited for has not come: nothing is left to be done, or the same for ever."""


class SimulatedLoop(asyncio.AbstractEventLoop):
    """What asyncio's tasks, futures, locks and timeouts need of a loop, and nothing else."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._now = 0.0
        self._ready: dict[Process, deque[asyncio.Handle]] = {}
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_set = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._over = False
        self.unhandled: list[str] = []

    # --- what asyncio asks for

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> Any:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = asyncio.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_set += 1
        heapq.heappush(self._timers, (when, self._timers_set, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it where it is; it is passed over when its time comes."""

    async def run_in_executor(self, _executor: Any, func: Any, *args: Any) -> Any:
        """Run what a thread would, at some later moment."""
        await asyncio.sleep(self._chance.random() / 100)
        return func(*args)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if HERE.get().alive:
            self.note(f"{context.get('message')}: {context.get('exception')!r}")

    def note(self, unhandled: str) -> None:
        """Keep what nobody expected to go wrong; the end of the world is expected."""
        if not self._over:
            self.unhandled.append(unhandled)

    # --- processes

    def spawn(self, process: Process, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin the work as that process."""
        context = copy_context()
        context.run(HERE.set, process)
        task: asyncio.Task[T] = self.create_task(work, context=context)
        process.tasks.append(task)
        return task

    def kill(self, process: Process) -> None:
        process.alive = False
        self._ready.pop(process, None)
        for died in process.on_death:
            died()

    def pause(self, process: Process, seconds: float) -> None:
        """Stop the process as SIGSTOP does; what happens to it meanwhile waits for it."""
        process.resumes_at = max(process.resumes_at, self._now + seconds)
        self.call_at(process.resumes_at, _nothing, context=_OUTSIDE_CONTEXT)

    # --- running

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns. Afterwards nothing of this world moves any more."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(work)
            for _ in range(STEPS_MAX):
                if task.done():
                    return task.result()
                self._step()
            raise Stuck(f"not over after {STEPS_MAX} steps, at {self._now:.1f} s")
        finally:
            self._end()
            asyncio._set_running_loop(None)

    def _end(self) -> None:
        self._over = True
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(BaseException):  # a ``finally`` asks for a world that is gone
                    task.get_coro().close()  # type: ignore[union-attr]
        self._tasks.clear()

    def _enqueue(self, handle: asyncio.Handle) -> None:
        process = handle._context.get(HERE, OUTSIDE)  # type: ignore[attr-defined]
        if not process.alive:
            return
        queue = self._ready.get(process)
        if queue is None:
            queue = self._ready[process] = deque()
        queue.append(handle)

    def _step(self) -> None:
        now = self._now
        awake = [process for process in self._ready if process.resumes_at <= now]
        if not awake:
            self._pass_time()
            return
        process = awake[int(self._chance.random() * len(awake))]
        queue = self._ready[process]
        handle = queue.popleft()
        if not queue:
            del self._ready[process]
        if not handle._cancelled:  # type: ignore[attr-defined]
            handle._run()  # type: ignore[attr-defined]

    def _pass_time(self) -> None:
        while self._timers:
            when, _, timer = heapq.heappop(self._timers)
            if timer._cancelled:  # type: ignore[attr-defined]
                continue
            self._now = max(self._now, when)
            self._enqueue(timer)
            return
        raise Stuck("nobody has anything to do any more")


def _nothing() -> None:
    """Only so that time does not pass the moment by."""


def _outside_context() -> Context:
    context = copy_context()
    context.run(HERE.set, OUTSIDE)
    return context


_OUTSIDE_CONTEXT = _outside_context()


def outside(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Begin work that no death of a process ends."""
    return loop.create_task(work, context=_OUTSIDE_CONTEXT)


def later_outside(loop: asyncio.AbstractEventLoop, delay: float, callback: Any, *args: Any) -> None:
    """Call back as no process: it happens whoever dies meanwhile."""
    loop.call_later(delay, callback, *args, context=_OUTSIDE_CONTEXT)
