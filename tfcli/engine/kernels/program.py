"""Programs: lists of kernel calls that run without Python, their tasks shared out to one pool of threads.

An instruction is four words: the kernel's address, its arguments' address, how many tasks it has, and the grain: how
many of them are the least that a thread takes at once. The thread that calls `run` goes through the instructions. Those
of one grain it does itself; the others it publishes, takes shares of like every worker, and waits until all tasks are
done. A share is a part of what is left, so that shares are few and threads still end together. Which thread does a task
never matters to the result.

What threads agree on is one word, the ticket: a number of the run (20 bits), the instruction (20) and the next task
(24). Whoever swaps it for a ticket with a later task owns the tasks in between. A worker that comes late, with the
ticket of an earlier run or instruction, fails to swap and looks again. Workers that have spun in vain for a while
after a run go to sleep in Python, and the next run wakes them; until they are awake the caller does the work alone.
"""

import ctypes
import functools
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tfcli.engine.kernels.jit import compiled_functions
from tfcli.engine.kernels.target import thread_count

MOST_TASKS = (1 << 24) - 1
"""Of one instruction."""
MOST_INSTRUCTIONS = (1 << 20) - 1
_LEFT = 2
"""A share is what is left for each thread, divided by this."""
_SPINS = 20_000
"""Looks at the ticket before a worker goes to sleep: some 100 µs, longer than Python needs between two steps."""
_RUNNING = 9
"""The pool's word that says whether there is a run."""

_COUNTER = "call i64 @llvm.readcyclecounter()"
_VIRTUAL_COUNTER = 'call i64 asm sideeffect "mrs $0, cntvct_el0", "=r"()'
_CLOCK = {"arm64": _VIRTUAL_COUNTER, "aarch64": _VIRTUAL_COUNTER}
"""What reads the processor's clock; ARM's counter of cycles is for the system alone."""
_LOOK_AT_CLOCK = """%now = {clock}
  %place_in_ticks = sub i64 %index, %first
  %tick_at = getelementptr i64, ptr %ticks, i64 %place_in_ticks
  store i64 %now, ptr %tick_at"""
_PAUSE = {"x86_64": "call void @llvm.x86.sse2.pause()", "AMD64": "call void @llvm.x86.sse2.pause()"}

# The words of the pool: 0 the ticket; on other cache lines 8 tasks done, 9 whether there is a run, 16 the kernel,
# 17 its arguments, 18 tasks, 19 the grain. The last four belong to the instruction that the ticket names. Before they
# change the ticket is closed (no task has the number 2^24 - 1), so that a worker that read some of them too late fails
# to swap.
_SOURCE = """
{declarations}
define i64 @take(ptr %pool, i64 %ticket) {{
  ; Do one share of the instruction that the ticket names; 0 where none is left or the ticket is old.
  %kernel_at = getelementptr i64, ptr %pool, i64 16
  %arguments_at = getelementptr i64, ptr %pool, i64 17
  %tasks_at = getelementptr i64, ptr %pool, i64 18
  %grain_at = getelementptr i64, ptr %pool, i64 19
  %kernel = load atomic ptr, ptr %kernel_at acquire, align 8
  %arguments = load atomic ptr, ptr %arguments_at acquire, align 8
  %tasks = load atomic i64, ptr %tasks_at acquire, align 8
  %grain = load atomic i64, ptr %grain_at acquire, align 8
  %task = and i64 %ticket, 16777215
  %some = icmp slt i64 %task, %tasks
  br i1 %some, label %try, label %none
try:
  %rest = sub i64 %tasks, %task
  %part = udiv i64 %rest, {parts}
  %large = icmp sgt i64 %part, %grain
  %share = select i1 %large, i64 %part, i64 %grain
  %ahead = add i64 %task, %share
  %short = icmp slt i64 %ahead, %tasks
  %stop = select i1 %short, i64 %ahead, i64 %tasks
  %taken = sub i64 %stop, %task
  %later = add i64 %ticket, %taken
  %swap = cmpxchg ptr %pool, i64 %ticket, i64 %later acq_rel acquire
  %won = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %won, label %work, label %none
work:
  call void %kernel(ptr %arguments, i64 %task, i64 %stop)
  %done_at = getelementptr i64, ptr %pool, i64 8
  %before = atomicrmw add ptr %done_at, i64 %taken acq_rel
  ret i64 1
none:
  ret i64 0
}}

define void @work(ptr %pool, i64 %spins) {{
  ; What a worker does: take shares, until it has looked `spins` times in vain and there is no run.
entry:
  %running_at = getelementptr i64, ptr %pool, i64 9
  %last = alloca i64
  %left = alloca i64
  store i64 -1, ptr %last
  store i64 %spins, ptr %left
  br label %look
look:
  %ticket = load atomic i64, ptr %pool acquire, align 8
  %seen = load i64, ptr %last
  %same = icmp eq i64 %ticket, %seen
  br i1 %same, label %spin, label %try
try:
  store i64 %spins, ptr %left
  %did = call i64 @take(ptr %pool, i64 %ticket)
  %found = icmp ne i64 %did, 0
  br i1 %found, label %look, label %remember
remember:
  store i64 %ticket, ptr %last
  br label %look
spin:
  {pause}
  %l = load i64, ptr %left
  %l1 = sub i64 %l, 1
  store i64 %l1, ptr %left
  %tired = icmp sle i64 %l1, 0
  br i1 %tired, label %rest, label %look
rest:
  store i64 %spins, ptr %left
  %running = load atomic i64, ptr %running_at acquire, align 8
  %needed = icmp ne i64 %running, 0
  br i1 %needed, label %yield, label %leave
yield:
  {sched_yield}
  br label %look
leave:
  ret void
}}

define i64 @run(ptr %pool, ptr %program, i64 %first, i64 %stop, i64 %stamp, ptr %fault, ptr %ticks) {{
  ; Go through the instructions from `first` to before `stop`, or to the one that sets `fault`, whose number is given
  ; back. `stamp` is the number of the run. Where it is timed, the processor's clock before each instruction and after
  ; the last is written to `ticks`.
entry:
  %i = alloca i64
  %spun = alloca i64
  store i64 %first, ptr %i
  %high = shl i64 %stamp, 44
  %running_at = getelementptr i64, ptr %pool, i64 9
  br label %head
head:
  %index = load i64, ptr %i
  {look_at_clock}
  %more = icmp slt i64 %index, %stop
  br i1 %more, label %body, label %leave
body:
  %offset = shl i64 %index, 2
  %instruction = getelementptr i64, ptr %program, i64 %offset
  %own_arguments_at = getelementptr i64, ptr %instruction, i64 1
  %own_tasks_at = getelementptr i64, ptr %instruction, i64 2
  %own_grain_at = getelementptr i64, ptr %instruction, i64 3
  %kernel = load ptr, ptr %instruction
  %arguments = load ptr, ptr %own_arguments_at
  %tasks = load i64, ptr %own_tasks_at
  %grain = load i64, ptr %own_grain_at
  %alone = icmp sle i64 %tasks, %grain
  br i1 %alone, label %serial, label %publish
serial:
  call void %kernel(ptr %arguments, i64 0, i64 %tasks)
  br label %next
publish:
  %done_at = getelementptr i64, ptr %pool, i64 8
  %kernel_at = getelementptr i64, ptr %pool, i64 16
  %arguments_at = getelementptr i64, ptr %pool, i64 17
  %tasks_at = getelementptr i64, ptr %pool, i64 18
  %grain_at = getelementptr i64, ptr %pool, i64 19
  store atomic i64 0, ptr %done_at release, align 8
  store atomic ptr %kernel, ptr %kernel_at release, align 8
  store atomic ptr %arguments, ptr %arguments_at release, align 8
  store atomic i64 %tasks, ptr %tasks_at release, align 8
  store atomic i64 %grain, ptr %grain_at release, align 8
  %place = shl i64 %index, 24
  %open_ticket = or i64 %high, %place
  store atomic i64 %open_ticket, ptr %pool release, align 8
  br label %help
help:
  %ticket = load atomic i64, ptr %pool acquire, align 8
  %position = and i64 %ticket, 16777215
  %left = icmp slt i64 %position, %tasks
  br i1 %left, label %share_in, label %wait_start
share_in:
  %did = call i64 @take(ptr %pool, i64 %ticket)
  br label %help
wait_start:
  store i64 0, ptr %spun
  br label %wait
wait:
  %done = load atomic i64, ptr %done_at acquire, align 8
  %complete = icmp eq i64 %done, %tasks
  br i1 %complete, label %close, label %idle
idle:
  {pause}
  %s = load i64, ptr %spun
  %s1 = add i64 %s, 1
  store i64 %s1, ptr %spun
  %long = icmp sgt i64 %s1, 2000
  br i1 %long, label %yield, label %wait
yield:
  {sched_yield}
  br label %wait
close:
  %closed = or i64 %open_ticket, 16777215
  store atomic i64 %closed, ptr %pool release, align 8
  br label %next
next:
  %found = load i64, ptr %fault
  %wrong = icmp ne i64 %found, 0
  br i1 %wrong, label %give_up, label %go_on
go_on:
  %index1 = add i64 %index, 1
  store i64 %index1, ptr %i
  br label %head
give_up:
  store atomic i64 0, ptr %running_at release, align 8
  ret i64 %index
leave:
  store atomic i64 0, ptr %running_at release, align 8
  ret i64 %stop
}}
"""


def _source(threads: int, timed: bool = False) -> str:
    pause = _PAUSE.get(platform.machine(), "")
    posix = sys.platform != "win32"
    declarations = "declare void @llvm.x86.sse2.pause()\n" if pause else ""
    declarations += "declare i32 @sched_yield()\n" if posix else ""
    yielding = "call i32 @sched_yield()" if posix else ""
    declarations += "declare i64 @llvm.readcyclecounter()\n" if timed else ""
    look = _LOOK_AT_CLOCK.format(clock=_CLOCK.get(platform.machine(), _COUNTER)) if timed else ""
    return _SOURCE.format(
        declarations=declarations, pause=pause, sched_yield=yielding, look_at_clock=look, parts=_LEFT * threads
    )


class _Pool:
    """The threads, and the words they share. There is one in a process."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        words = np.zeros(32, np.int64)
        skip = (-words.ctypes.data // 8) % 8
        self._words = words[skip : skip + 24]
        self._words[0] = MOST_TASKS
        self._address = self._words.ctypes.data
        pointer, word = ctypes.c_void_p, ctypes.c_int64
        run, work = compiled_functions(_source(threads), "run", "work")
        self._run_type = ctypes.CFUNCTYPE(word, pointer, pointer, word, word, word, pointer, pointer)
        self._run = self._run_type(run)
        self._work = ctypes.CFUNCTYPE(None, pointer, word)(work)
        self._stamp = 0
        self._lock = threading.Lock()
        self._calls = [threading.Event() for _ in range(threads - 1)]
        for call in self._calls:
            threading.Thread(target=self._serve, args=(call,), daemon=True, name="tfcli-worker").start()

    def _serve(self, call: threading.Event) -> None:
        while True:
            call.wait()
            self._work(self._address, _SPINS)
            call.clear()
            if self._words[_RUNNING]:
                # A run that began in between took this thread to be awake.
                call.set()

    @functools.cached_property
    def _run_timed(self) -> Callable[..., int]:
        # All functions are named, as those of the other source must not be mixed up with them.
        return self._run_type(compiled_functions(_source(self.threads, timed=True), "run", "work", "take")[0])

    def run(self, program: int, first: int, stop: int, fault: int, ticks: int = 0) -> int:
        """`ticks`: the address of words for the times, where they are wanted."""
        run = self._run_timed if ticks else self._run
        with self._lock:
            self._words[_RUNNING] = 1
            for call in self._calls:
                if not call.is_set():
                    call.set()
            self._stamp = (self._stamp + 1) & 0xFFFFF
            return run(self._address, program, first, stop, self._stamp, fault, ticks)


@functools.cache
def pool() -> _Pool:
    return _Pool(thread_count())


if hasattr(os, "register_at_fork"):
    # A forked child has none of the threads.
    os.register_at_fork(after_in_child=pool.cache_clear)


class Instruction(NamedTuple):
    """One call of a kernel: its address, the words of its arguments, how many tasks there are, and how many of them
    are worth handing to a thread.
    """

    kernel: int
    arguments: Sequence[int]
    tasks: int
    grain: int = 1


class Program:
    """Instructions in order. The words of `arguments` may be changed between runs; `starts` says where each begins.

    `fault` is a word that a kernel sets where what it was given is wrong.
    """

    def __init__(self, instructions: Sequence[Instruction], fault: np.ndarray | None = None) -> None:
        assert len(instructions) <= MOST_INSTRUCTIONS
        self._pool = pool()
        self._fault = np.zeros(1, np.int64) if fault is None else fault
        self._fault_address = self._fault.ctypes.data
        self.starts = np.concatenate([[0], np.cumsum([len(i.arguments) for i in instructions])]).astype(int).tolist()
        self.arguments = np.array([word for i in instructions for word in i.arguments] or [0], np.int64)
        base = self.arguments.ctypes.data
        self._table = np.array(
            [
                (i.kernel, base + 8 * start, i.tasks, self._grain(i))
                for i, start in zip(instructions, self.starts, strict=False)
            ]
            or [(0, 0, 0, 0)],
            np.int64,
        )
        self._address = self._table.ctypes.data

    def _grain(self, instruction: Instruction) -> int:
        """Tasks taken at once, at least; all of them where nobody else could take any."""
        assert 0 <= instruction.tasks < MOST_TASKS
        return max(1, instruction.tasks if self._pool.threads == 1 else instruction.grain)

    def run(self, first: int, stop: int) -> int:
        """Run the instructions from `first` to before `stop`; returns `stop`, or the number of the one that found a
        fault, after which nothing ran.
        """
        reached = self._pool.run(self._address, first, stop, self._fault_address)
        if reached < stop:
            self._fault[0] = 0
        return reached

    def measure(self, first: int, stop: int) -> tuple[int, np.ndarray]:
        """As `run`, with the seconds that each instruction took."""
        ticks = np.zeros(stop - first + 1, np.int64)
        started = time.perf_counter()
        reached = self._pool.run(self._address, first, stop, self._fault_address, ticks.ctypes.data)
        seconds = time.perf_counter() - started
        spent = np.diff(ticks[: reached - first + 1])
        if reached < stop:
            self._fault[0] = 0
        return reached, spent * (seconds / max(1, spent.sum()))
