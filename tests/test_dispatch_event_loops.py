"""Asynchronous functions in a synchronous application: as on Flask, in event loops that are used again."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import os
import socket
import subprocess
import sys
import textwrap
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

import asgiref.local
import asgiref.sync
import pytest
from asgiref.sync import sync_to_async

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tuile.dispatch import event_loops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
local: Any = asgiref.local.Local()
# The sockets that a test has left open.
sockets: list[socket.socket] = []


@pytest.fixture(autouse=True)
def no_idle_loop() -> Iterator[None]:
    """Begin and end without a loop that waits."""
    event_loops.close_idle()
    yield
    event_loops.close_idle()
    while sockets:
        sockets.pop().close()


def loops_of(app: Any, count: int = 2) -> list[int]:
    """The ids of the loops that some requests run in; each is kept alive, so that no id is used again."""
    seen: list[Any] = []

    async def look() -> str:
        seen.append(asyncio.get_running_loop())
        return "text"

    for _ in range(count):
        app.ensure_sync(look)()
    return [id(loop) for loop in seen]


def test_calls_that_leave_nothing_behind_share_a_loop_and_a_thread() -> None:
    app = make_app(tuile)
    seen: list[Any] = []

    async def view() -> str:
        await asyncio.sleep(0)
        seen.append((asyncio.get_running_loop(), threading.current_thread()))
        return "text"

    app.add_url_rule("/", "view", view)
    assert {send(app).text for _ in range(5)} == {"text"}
    assert len(set(seen)) == 1
    assert seen[0][1] is not threading.current_thread()
    assert len(event_loops._idle) == 1


# --- what a call may do, each as on Flask -----------------------------------------------------------------------------


async def leave_task(lib: Any, log: list[Any]) -> None:
    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            log.append(f"cancelled in {lib.request.path}")
            raise

    log.append(asyncio.ensure_future(wait()))
    await asyncio.sleep(0)


async def leave_task_that_goes_on(lib: Any, log: list[Any]) -> None:
    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            log.append("went on")

    log.append(asyncio.ensure_future(wait()))
    await asyncio.sleep(0)


async def leave_task_that_fails(lib: Any, log: list[Any]) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: log.append(context["message"]))

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("in the end")

    log.append(asyncio.ensure_future(wait()))
    await asyncio.sleep(0)


async def leave_timer(lib: Any, log: list[Any]) -> None:
    asyncio.get_running_loop().call_later(0.01, log.append, "called")


async def leave_callback(lib: Any, log: list[Any]) -> None:
    asyncio.get_running_loop().call_soon(log.append, "called")


async def leave_generator(lib: Any, log: list[Any]) -> None:
    async def generate() -> Any:
        try:
            yield 1
            yield 2
        finally:
            log.append("closed")

    generator = generate()
    log.append(generator)
    await generator.__anext__()


async def use_executor(lib: Any, log: list[Any]) -> None:
    log.append(await asyncio.get_running_loop().run_in_executor(None, lambda: "in the executor"))


async def leave_executor(lib: Any, log: list[Any]) -> None:
    gate = threading.Event()

    def wait() -> None:
        gate.wait(100)
        log.append("ended")

    asyncio.get_running_loop().run_in_executor(None, wait)
    gate.set()


async def set_attributes(lib: Any, log: list[Any]) -> None:
    loop: Any = asyncio.get_running_loop()
    log.append(("own" in vars(loop), loop.get_task_factory(), loop.slow_callback_duration))
    loop.own, loop.slow_callback_duration = 1, 7
    loop.set_task_factory(lambda loop, coroutine, **options: asyncio.Task(coroutine, loop=loop, **options))


async def set_debug(lib: Any, log: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    log.append(loop.get_debug())
    loop.set_debug(True)
    loop.slow_callback_duration = 60


async def leave_socket(lib: Any, log: list[Any]) -> None:
    loop: Any = asyncio.get_running_loop()
    left, right = socket.socketpair()
    sockets.extend((left, right))
    loop.add_reader(left, log.append, "readable")
    log.append(len(loop._selector.get_map()))


async def set_variable(lib: Any, log: list[Any]) -> None:
    log.append(variable.get())
    variable.set("set")


async def set_in_task(lib: Any, log: list[Any]) -> None:
    log.append(variable.get())

    async def work() -> None:
        variable.set("set in a task")
        lib.g.name = lib.request.path

    await asyncio.gather(work(), work())
    log.append((variable.get(), lib.g.name))


async def time_out(lib: Any, log: list[Any]) -> None:
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.001)
    except asyncio.TimeoutError:
        log.append("timed out")


async def do_not_time_out(lib: Any, log: list[Any]) -> None:
    await asyncio.wait_for(asyncio.sleep(0), 60)


async def call_sync(lib: Any, log: list[Any]) -> None:
    waiting = log[0]
    log.append(await sync_to_async(lambda: (threading.get_ident() == waiting, lib.request.path, variable.get()))())


async def call_sync_in_task(lib: Any, log: list[Any]) -> None:
    waiting = log[0]
    log.append(await asyncio.create_task(sync_to_async(lambda: threading.get_ident() == waiting)()))
    log.append(await sync_to_async(lambda: threading.get_ident() == waiting, thread_sensitive=False)())


async def call_sync_elsewhere(lib: Any, log: list[Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        log.append(await sync_to_async(lambda: lib.request.path, thread_sensitive=False, executor=pool)())


async def call_async_in_sync(lib: Any, log: list[Any]) -> None:
    loop = asyncio.get_running_loop()

    async def inner() -> Any:
        return asyncio.get_running_loop() is loop, lib.request.path

    log.append(await sync_to_async(lib.current_app.ensure_sync(inner))())


async def call_in_loop(lib: Any, log: list[Any]) -> None:
    async def inner() -> None: ...

    log.append(outcome(lib.current_app.ensure_sync(inner)))


async def ask_in_loop(lib: Any, log: list[Any]) -> None:
    log.append(outcome(send, lib.current_app._get_current_object(), make_environ("/other"))[0])


async def see_error(lib: Any, log: list[Any]) -> None:
    raise LookupError("own")


async def cancel(lib: Any, log: list[Any]) -> None:
    raise asyncio.CancelledError


async def exit_(lib: Any, log: list[Any]) -> None:
    raise SystemExit("out")


async def stop_loop(lib: Any, log: list[Any]) -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)


async def abort(lib: Any, log: list[Any]) -> None:
    lib.abort(418)


async def end_generators(lib: Any, log: list[Any]) -> None:
    await asyncio.get_running_loop().shutdown_asyncgens()

    async def generate() -> Any:
        yield 1

    log.extend([item async for item in generate()])


async def start_process(lib: Any, log: list[Any]) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=asyncio.subprocess.PIPE)
    log.append((await process.communicate())[0])


async def lock(lib: Any, log: list[Any]) -> None:
    guard = asyncio.Lock()
    async with guard:
        log.append(guard.locked())


async def call_sync_often(lib: Any, log: list[Any]) -> None:
    waiting = log[0]
    found = await asyncio.gather(*(sync_to_async(lambda n: (n, threading.get_ident() == waiting))(n) for n in range(5)))
    log.append(found)
    log.extend([await sync_to_async(lambda n: (n, variable.get()))(number) for number in range(3)])


async def set_in_sync(lib: Any, log: list[Any]) -> None:
    await sync_to_async(variable.set)("set in a function")
    log.append(variable.get())


async def fail_in_sync(lib: Any, log: list[Any]) -> None:
    def fail() -> None:
        raise LookupError(lib.request.path)

    try:
        await sync_to_async(fail)()
    except LookupError as error:
        log.append(str(error))
        log.append(type(await sync_to_async(sys.exc_info)()).__name__)


async def call_sync_while_others_go_on(lib: Any, log: list[Any]) -> None:
    going = threading.Event()

    async def go_on() -> None:
        await asyncio.sleep(0)
        going.set()

    log.append(await asyncio.gather(sync_to_async(lambda: going.wait(100))(), go_on()))


async def call_in_context(lib: Any, log: list[Any]) -> None:
    waiting = log[0]
    async with asgiref.sync.ThreadSensitiveContext():
        log.append(await sync_to_async(lambda: threading.get_ident() == waiting)())


async def set_local(lib: Any, log: list[Any]) -> None:
    log.append(getattr(local, "name", None))
    local.name = lib.request.path
    log.append(await sync_to_async(lambda: local.name)())


async def see_local(lib: Any, log: list[Any]) -> None:
    log.append(getattr(local, "name", None))


async def call_back(lib: Any, log: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: loop.call_soon(log.append, "called"))
    await asyncio.sleep(0)
    log.append("after a turn")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    log.append("after three")
    await asyncio.sleep(0)


async def fire_timer(lib: Any, log: list[Any]) -> None:
    asyncio.get_running_loop().call_later(0, log.append, "fired")
    await asyncio.sleep(0)
    log.append("after a turn")
    await asyncio.sleep(0)


async def read_soon(lib: Any, log: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    sockets.extend((left, right))
    right.send(b"data")
    loop.add_reader(left, log.append, "readable")
    await asyncio.sleep(0)
    log.append("after a turn")
    await asyncio.sleep(0)
    loop.remove_reader(left)


async def stop_at_the_end(lib: Any, log: list[Any]) -> None:
    asyncio.get_running_loop().stop()


async def start_and_leave(lib: Any, log: list[Any]) -> None:
    async def begin() -> None:
        log.append("began")
        await asyncio.sleep(60)

    log.append(asyncio.ensure_future(begin()))


async def raise_in_callback(lib: Any, log: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: log.append(str(context["exception"])))
    loop.call_soon(lambda: 1 // 0)
    await asyncio.sleep(0)
    loop.set_exception_handler(None)


async def name_task(lib: Any, log: list[Any]) -> None:
    task: Any = asyncio.current_task()
    log.extend([task.done(), task.get_loop() is asyncio.get_running_loop(), len(asyncio.all_tasks())])
    task.set_name("own")


async def iterate(lib: Any, log: list[Any]) -> None:
    async def generate() -> Any:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    log.append([item async for item in generate()])


# Whether the loop is used again afterwards.
DOES: dict[Callable[[Any, list[Any]], Any], bool] = {
    leave_task: False,
    leave_task_that_goes_on: False,
    leave_task_that_fails: False,
    leave_timer: False,
    leave_callback: True,
    leave_generator: False,
    use_executor: False,
    leave_executor: False,
    set_attributes: False,
    set_debug: False,
    leave_socket: False,
    set_variable: True,
    set_in_task: True,
    time_out: True,
    do_not_time_out: True,
    call_sync: False,
    call_sync_in_task: False,
    call_sync_elsewhere: False,
    call_async_in_sync: False,
    call_in_loop: True,
    ask_in_loop: True,
    see_error: True,
    cancel: True,
    exit_: True,
    stop_loop: False,
    abort: True,
    end_generators: False,
    start_process: True,
    lock: True,
    call_sync_often: False,
    set_in_sync: False,
    fail_in_sync: False,
    call_sync_while_others_go_on: False,
    call_in_context: False,
    set_local: False,
    see_local: True,
    call_back: True,
    fire_timer: True,
    read_soon: True,
    stop_at_the_end: True,
    start_and_leave: False,
    raise_in_callback: True,
    name_task: True,
    iterate: True,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("does", DOES, ids=[function.__name__.strip("_") for function in DOES])
@pytest.mark.parametrize("where", ["view", "before", "after", "teardown", "handler"])
def test_what_an_asynchronous_function_does_has_the_effects_it_has_on_flask(
    does: Callable[[Any, list[Any]], Any], where: str
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.logger.disabled = True
        logs: list[list[Any]] = []

        async def do(*arguments: Any) -> Any:
            error = sys.exc_info()[1]
            log: list[Any] = [threading.get_ident(), type(error).__name__]
            # The thread that waits.
            log[0] = lib.g.thread
            logs.append(log)
            await does(lib, log)
            return "handled" if where == "handler" else arguments[0] if where == "after" else None

        async def view() -> Any:
            lib.g.view = True
            if where == "view":
                await do()
            if where == "handler":
                raise ValueError("for the handler")
            return "text"

        app.before_request(lambda: setattr(lib.g, "thread", threading.get_ident()))
        if where == "handler":
            app.register_error_handler(ValueError, do)
        elif where != "view":
            getattr(app, f"{where}_request")(do)
        app.add_url_rule("/", "view", view)
        app.add_url_rule("/other", "other", view)
        answers = [contextvars.copy_context().run(ended, send, app) for _ in range(3)]
        return answers, [[shown(item) for item in log[1:]] for log in logs]

    same(program)


def ended(function: Callable[..., Any], *arguments: Any) -> Any:
    """The outcome of a call, which may also be an exit."""
    try:
        return outcome(function, *arguments)
    except BaseException as error:  # noqa: BLE001 - as on Flask
        return type(error).__name__


def shown(item: Any) -> Any:
    """A log's item in a form to compare, read when all is done."""
    if isinstance(item, asyncio.Task):
        return "task", item.cancelled(), item.done()
    return type(item).__name__ if hasattr(item, "aclose") else item


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("does", "is_as_new"), DOES.items(), ids=[function.__name__.strip("_") for function in DOES])
def test_a_loop_is_used_again_if_and_only_if_the_call_left_it_as_it_was(
    does: Callable[..., Any], is_as_new: bool
) -> None:
    app = make_app(tuile)
    app.logger.disabled = True
    seen: list[Any] = []

    async def view() -> str:
        seen.append(asyncio.get_running_loop())
        await does(tuile, [threading.get_ident()])
        return "text"

    app.add_url_rule("/", "view", view)
    app.add_url_rule("/other", "other", lambda: "text")
    with contextlib.suppress(SystemExit, asyncio.CancelledError):
        outcome(send, app)
    seen.append(loops_of(app, 1)[0])
    assert (id(seen[0]) == seen[-1]) is is_as_new
    assert seen[0].is_closed() is not is_as_new


def test_a_thread_that_ran_a_function_for_a_call_can_make_calls_of_its_own_later() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        with ThreadPoolExecutor(1) as pool:

            async def view() -> str:
                return await sync_to_async(lambda: "text", thread_sensitive=False, executor=pool)()

            async def other() -> str:
                return "other"

            app.add_url_rule("/", "view", view)
            answers = [send(app).text, pool.submit(app.ensure_sync(other)).result(30)]
            answers.append(asgiref.sync.async_to_sync(other)())
            return [*answers, send(app).text, app.ensure_sync(other)()]

    assert same(program) == ["text", "other", "other", "text", "other"]


def test_after_a_call_that_used_its_thread_a_thread_has_loops_that_are_used_again() -> None:
    app = make_app(tuile)

    async def view() -> int:
        return await sync_to_async(threading.get_ident)()

    assert app.ensure_sync(view)() == threading.get_ident()
    assert len(set(loops_of(app))) == 1


def test_a_local_of_asgirefs_goes_with_the_call_and_comes_back() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[Any] = []

        def before() -> None:
            local.name = "before"

        async def view() -> str:
            log.append(local.name)
            local.name = "view"
            log.append(await sync_to_async(lambda: local.name)())
            return "text"

        def after(response: Any) -> Any:
            log.append(local.name)
            return response

        app.before_request(before)
        app.after_request(after)
        app.add_url_rule("/", "view", view)
        for _ in range(2):
            contextvars.copy_context().run(send, app)
        return log

    assert same(program) == ["before", "view", "view"] * 2


def test_a_call_while_an_error_is_handled_leaves_the_next_call_as_it_was() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[Any] = []

        async def handle(error: Exception) -> str:
            log.append((type(sys.exc_info()[1]).__name__, await sync_to_async(threading.get_ident)() == here))
            variable.set("handled")
            return "handled"

        async def view() -> str:
            log.append((sys.exc_info()[1], variable.get()))
            return "text"

        def fail() -> str:
            raise ValueError

        here = threading.get_ident()
        app.register_error_handler(ValueError, handle)
        app.add_url_rule("/", "view", view)
        app.add_url_rule("/fail", "fail", fail)
        return contextvars.copy_context().run(
            lambda: [send(app, make_environ(path)).text for path in ("/", "/fail", "/", "/fail", "/")]
        ), log

    same(program)


def test_no_variable_of_asgirefs_stays_in_the_callers_context() -> None:
    app = make_app(tuile)

    async def view() -> str:
        return await sync_to_async(lambda: "text")()

    def call() -> list[str]:
        app.ensure_sync(view)()
        try:
            raise ValueError
        except ValueError:
            app.ensure_sync(view)()
        return [variable.name for variable in contextvars.copy_context()]

    assert "asgiref.local" not in contextvars.Context().run(call)


def test_nothing_of_a_call_is_kept_when_it_has_ended() -> None:
    app = make_app(tuile)

    class Kept:
        pass

    async def view(kept: Kept) -> None:
        variable.set(kept)  # type: ignore[arg-type] # any object

    def call() -> weakref.ref[Kept]:
        kept = Kept()
        app.ensure_sync(view)(kept)
        return weakref.ref(kept)

    kept = contextvars.Context().run(call)
    # The other thread may be at the end of its loop.
    event_loops.close_idle()
    # `contextlib` on CPython 3.10 leaves a cycle where asgiref's local has no value.
    gc.collect()
    assert kept() is None


def test_wrong_arguments_leave_the_workers_alone() -> None:
    app = make_app(tuile)
    first = loops_of(app, 1)
    with pytest.raises(TypeError):
        app.ensure_sync(set_variable)()
    assert len(event_loops._idle) == 1
    assert loops_of(app, 1) == first


@pytest.mark.parametrize("name", ["method", "class method", "static method", "partial", "callable", "marked"])
def test_every_kind_of_coroutine_function_is_run(name: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        class Views:
            async def method(self) -> str:
                return f"method {lib.request.path}"

            @classmethod
            async def of_class(cls) -> str:
                return cls.__name__

            @staticmethod
            async def static() -> str:
                return "static"

            async def __call__(self) -> str:
                return "called"

        def marked() -> Any:
            return Views().method()

        marked._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined] # as asyncio does
        kinds: dict[str, Any] = {
            "method": Views().method,
            "class method": Views.of_class,
            "static method": Views.static,
            "partial": functools.partial(Views().method),
            "callable": Views(),
            "marked": marked,
        }
        with app.test_request_context("/path"):
            made = app.ensure_sync(kinds[name])
            made_of = getattr(made, "__self__", None)
            found = outcome(made)
            if asyncio.iscoroutine(found[1]):
                found[1].close()
                found = ("returned", "a coroutine")
            return found, type(made_of).__name__

    same(program)


def test_a_timer_that_is_left_does_not_fire_in_another_request() -> None:
    app = make_app(tuile)
    timers: list[asyncio.TimerHandle] = []
    log: list[str] = []

    async def view(*, leaves: bool) -> str:
        loop = asyncio.get_running_loop()
        if leaves:
            # Later than the request's end on any machine; the next request waits until after it.
            timers.append(loop.call_later(2, log.append, "fired"))
        else:
            await asyncio.sleep(timers[0].when() - loop.time() + 0.02)
        return "text"

    app.add_url_rule("/leave", "leave", view, defaults={"leaves": True})
    app.add_url_rule("/wait", "wait", view, defaults={"leaves": False})
    for path in ("/leave", "/wait"):
        send(app, make_environ(path))
    assert log == []


def test_no_call_finds_the_variables_of_another() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[Any] = []

        async def view() -> str:
            log.append(variable.get())
            variable.set("of the first")
            loop = asyncio.get_running_loop()
            seen = loop.create_future()
            # As for a callback that another thread schedules.
            threading.Thread(
                target=lambda: loop.call_soon_threadsafe(lambda: seen.set_result((variable.get(), bool(lib.g))))
            ).start()
            log.append((await seen)[0])
            return "text"

        app.add_url_rule("/", "view", view)
        answers = [contextvars.copy_context().run(send, app).text for _ in range(3)]
        return answers, log

    same(program)


def test_variables_that_a_hook_sets_are_seen_by_the_next_functions() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[Any] = []

        async def before() -> None:
            variable.set("before")

        async def view() -> str:
            log.append(variable.get())
            variable.set("view")
            return "text"

        def after(response: Any) -> Any:
            log.append(variable.get())
            return response

        app.before_request(before)
        app.after_request(after)
        app.add_url_rule("/", "view", view)
        contextvars.copy_context().run(send, app)
        return log

    assert same(program) == ["before", "view"]


# --- who replaces something ------------------------------------------------------------------------------------------


def test_what_replaces_asgirefs_function_is_called() -> None:
    app = make_app(tuile)
    with mock.patch.object(asgiref.sync, "async_to_sync", return_value=str):
        assert app.ensure_sync(set_variable) is str
    assert len(set(loops_of(app))) == 1


@pytest.mark.parametrize("name", ["__call__", "main_wrap", "__init__"])
def test_a_method_of_asgirefs_that_is_replaced_is_called(name: str) -> None:
    app = make_app(tuile)
    calls: list[str] = []
    original = getattr(asgiref.sync.AsyncToSync, name)

    def replaced(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        return original(*arguments, **named)

    with mock.patch.object(asgiref.sync.AsyncToSync, name, replaced):
        assert len(set(loops_of(app))) == 2
    assert calls == [name, name]


@pytest.mark.parametrize("name", ["run", "new_event_loop"])
def test_a_function_of_asyncios_that_is_replaced_is_called(name: str) -> None:
    app = make_app(tuile)
    assert len(set(loops_of(app))) == 1
    with mock.patch.object(asyncio, name, mock.Mock(side_effect=getattr(asyncio, name))) as patched:
        assert len(set(loops_of(app))) == 2
    # `asyncio.run` has another reference to it.
    assert patched.called == (name == "run")
    assert len(set(loops_of(app))) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_another_policy_makes_the_next_loop() -> None:
    class OwnLoop(asyncio.SelectorEventLoop):
        pass

    class OwnPolicy(asyncio.DefaultEventLoopPolicy):
        _loop_factory = OwnLoop

    app = make_app(tuile)
    seen: list[Any] = []

    async def view() -> None:
        seen.append(asyncio.get_running_loop())

    app.ensure_sync(view)()
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(OwnPolicy())
    try:
        app.ensure_sync(view)()
        app.ensure_sync(view)()
    finally:
        asyncio.set_event_loop_policy(before)
    app.ensure_sync(view)()
    assert [type(loop) for loop in seen] == [asyncio.SelectorEventLoop, OwnLoop, OwnLoop, asyncio.SelectorEventLoop]
    # Of another class of loops nobody knows what its state is.
    assert len({id(loop) for loop in seen}) == 4
    assert [loop.is_closed() for loop in seen] == [True, True, True, False]


def test_an_own_ensure_sync_and_async_to_sync_are_called() -> None:
    def program(lib: Any) -> Any:
        log: list[str] = []

        class Own(lib.Flask):  # type: ignore[misc] # the framework's
            def ensure_sync(self, function: Any) -> Any:
                log.append("ensure_sync")
                return super().ensure_sync(function)

            def async_to_sync(self, function: Any) -> Any:
                log.append("async_to_sync")
                return super().async_to_sync(function)

        app = Own("own", static_folder=None)

        async def view() -> str:
            return "text"

        app.add_url_rule("/", "view", view)
        return [send(app).text for _ in range(2)], log

    same(program)


def test_the_function_that_is_returned_is_asgirefs() -> None:
    function = make_app(tuile).ensure_sync(set_variable)
    assert isinstance(function, asgiref.sync.AsyncToSync)
    assert function.awaitable is set_variable


def test_a_single_thread_context_of_asgirefs_keeps_its_thread() -> None:
    def program(lib: Any) -> Any:
        app, threads = make_app(lib), []

        async def look() -> None:
            threads.append(threading.current_thread())

        context: Any = asgiref.sync.AsyncSingleThreadContext
        with context():
            app.ensure_sync(look)()
            asgiref.sync.async_to_sync(look)()
        return threads[0] is threads[1]

    assert same(program) is True


# --- threads, forks, the end ------------------------------------------------------------------------------------------


def test_calls_of_several_threads_run_at_once_each_with_its_own_request() -> None:
    app = make_app(tuile)
    count = event_loops.MOST_IDLE + 8
    together = threading.Barrier(count, timeout=60)

    async def view(name: str) -> str:
        together.wait()
        await asyncio.sleep(0)
        return f"{name} {tuile.request.path}"

    app.add_url_rule("/<name>", "view", view)
    for _ in range(2):
        with ThreadPoolExecutor(count) as pool:
            answers = list(pool.map(lambda number: send(app, make_environ(f"/{number}")).text, range(count)))
        assert answers == [f"{number} /{number}" for number in range(count)]
    # The check of how many wait is not exact; it is bounded by the threads at that moment.
    assert 1 <= len(event_loops._idle) <= count


def test_a_thread_that_ends_leaves_its_loop_to_others() -> None:
    app = make_app(tuile)
    seen: list[int] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: seen.extend(loops_of(app, 1)))
        thread.start()
        thread.join()
    assert len(set(seen)) == 1


@pytest.mark.filterwarnings("ignore:coroutine")
def test_an_error_of_the_loop_itself_is_raised_and_the_loop_is_not_used_again() -> None:
    app = make_app(tuile)
    with mock.patch.object(event_loops._Loop, "__init__", side_effect=OSError("no more files")):
        with pytest.raises(OSError, match="no more files"):
            loops_of(app)
    gc.collect()
    assert len(set(loops_of(app))) == 1


def run_program(source: str, *options: str) -> str:
    """The output of a program in another process, with what it warns of as errors."""
    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(source)],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "TUILE_SHIM": "0"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


START = """
import asyncio, os, sys, threading
from tuile import Flask
app = Flask("own", static_folder=None)
seen = []
async def view():
    seen.append(asyncio.get_running_loop())
    return "text"
call = app.ensure_sync(view)
"""


def test_loops_are_closed_at_the_end_of_the_program() -> None:
    source = f"{START}call()\nimport atexit\natexit.register(lambda: print(call(), seen[0] is seen[-1]))\n"
    assert run_program(source, "-W", "error") == "text True\n"
    # In debug mode loops change, and each is closed at once.
    assert run_program(source, "-X", "dev", "-W", "error") == "text False\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit()"])
def test_a_fork_has_loops_of_its_own_and_leaves_the_others_alone(end: str) -> None:
    source = f"""{START}
call(); call()
assert seen[0] is seen[1]
child = os.fork()
if child == 0:
    call(); call()
    assert seen[1] is not seen[2] and seen[2] is seen[3]
    print("child", flush=True)
    {end}
assert os.waitpid(child, 0)[1] == 0
call(); call()
assert seen[-1] is seen[-2]
print("parent")
"""
    # Python counts a thread that has just ended.
    assert run_program(source, "-W", "ignore::DeprecationWarning") == "child\nparent\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_within_a_call_leaves_the_loop_of_the_call_alone() -> None:
    source = f"""{START}
async def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    await asyncio.sleep(0.01)
    return os.waitpid(child, 0)[1]
print(app.ensure_sync(fork)(), call())
"""
    assert run_program(source, "-W", "ignore::DeprecationWarning") == "0 text\n"


def test_in_a_process_patched_by_gevent_asgiref_is_asked() -> None:
    pytest.importorskip("gevent")
    source = """
    from gevent import monkey
    monkey.patch_all()
    import asyncio
    import gevent
    from tuile import Flask
    app = Flask("own", static_folder=None)
    async def view():
        return "text"
    print(type(app.ensure_sync(view)).__module__)
    """
    assert run_program(source, "-W", "ignore") == "asgiref.sync\n"
