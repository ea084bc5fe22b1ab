"""Start the nodes of a launch description as processes, watch them, and end them in order."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from surgical_perception.runtime.environment import node_environment

from .description import Node
from .output import Output

# What is sent to nodes that have to end, and how long each may take to do so: launch's defaults.
ESCALATION = ((signal.SIGINT, 5.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, None))
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHUNK_BYTES = 1 << 16
CANNOT_START = 126  # as in a shell


@dataclass(frozen=True)
class Start:
    """A node, the name that its lines bear, and its command line."""

    node: Node
    name: str
    command: Sequence[str]


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # To the whole group, as a terminal does: a process that the node started would otherwise
    # outlive it and keep its pipes open.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def run(starts: Sequence[Start], output: Output) -> int:
    """
    Run all nodes until the last has ended; return the first exit code that is not 0, else 0.

    SIGINT, SIGTERM and SIGHUP, and the end of a node with `ends_launch`, end all others.  A node
    that a signal n killed counts as 128 + n, as in a shell.
    """
    launch = _Launch(output)
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, launch.interrupt, number)
    try:
        # In the order of their ends: a node that dies of the shutdown does not hide its cause.
        ends = asyncio.as_completed([launch.keep_running(start) for start in starts])
        codes = [await end for end in ends]
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
        await launch.end_escalation()
    return next((code for code in codes if code), 0)


class _Launch:
    """What the processes of one launch share: their end."""

    def __init__(self, output: Output):
        self._output = output
        self._stopping = asyncio.Event()
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._escalation: asyncio.Task | None = None

    def interrupt(self, number: int) -> None:
        self.stop(f'{signal.Signals(number).name} received')

    def stop(self, reason: str) -> None:
        """End all nodes; later calls change nothing."""
        if self._stopping.is_set():
            return
        self._output.say(f'{reason}: ending all nodes')
        self._stopping.set()
        self._escalation = asyncio.create_task(self._escalate())

    async def _escalate(self) -> None:
        for number, patience_s in ESCALATION:
            for name, process in self._running.items():
                if number is not signal.SIGINT:
                    self._output.say(f'{name} has not ended: {number.name}')
                _send(process, number)
            if patience_s is not None:
                await asyncio.sleep(patience_s)

    async def end_escalation(self) -> None:
        if self._escalation is not None:
            self._escalation.cancel()
            await asyncio.gather(self._escalation, return_exceptions=True)

    async def keep_running(self, start: Start) -> int:
        """Run a node, again and again where it respawns; return its last exit code."""
        code = 0
        while not self._stopping.is_set():
            try:
                code = await self._run_once(start)
            except OSError as error:
                self.stop(f'{start.name} cannot be started ({error})')
                return CANNOT_START
            self._report(start, code)
            if start.node.ends_launch:
                self.stop(f'{start.name} has ended')
            if not start.node.respawn:
                break
            await self._pause(start.node.respawn_delay_s)
        return code

    async def _run_once(self, start: Start) -> int:
        # A session of its own: Ctrl-C then reaches a node once, from here, and not from the
        # terminal as well.
        process = await asyncio.create_subprocess_exec(
            *start.command,
            env=node_environment(start.node.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._running[start.name] = process
        self._output.say(f'{start.name}: started, process {process.pid}')
        if self._stopping.is_set():
            _send(process, signal.SIGINT)
        try:
            await asyncio.gather(
                self._forward(start, process.stdout, is_error=False),
                self._forward(start, process.stderr, is_error=True),
            )
            code = await process.wait()
        finally:
            del self._running[start.name]
        return code if code >= 0 else 128 - code

    def _report(self, start: Start, code: int) -> None:
        how = 'ended' if code == 0 else f'died with exit code {code} ({" ".join(start.command)})'
        self._output.say(f'{start.name}: {how}')

    async def _forward(self, start: Start, stream: asyncio.StreamReader, is_error: bool) -> None:
        # Chunks, not readline: a line longer than the reader's limit would raise and lose output.
        rest = b''
        while chunk := await stream.read(CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b'\n')
            for line in lines:
                self._line(start, line, is_error)
        if rest:
            self._line(start, rest, is_error)

    def _line(self, start: Start, line: bytes, is_error: bool) -> None:
        text = line.decode(errors='replace').rstrip('\r')
        self._output.line(start.name, text, start.node.output, is_error)

    async def _pause(self, delay_s: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), delay_s)
        except asyncio.TimeoutError:
            return
