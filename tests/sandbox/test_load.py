"""What the sandbox loads is the candidate, and what a call imports on its way is not paid for in every sample."""

import sys

from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Mount
from codeopt.sandbox.runner import codec
from codeopt.sandbox.session import Runtime
from codeopt.sandbox.subject import FunctionSpec, FunctionSubject
from codeopt.sandbox.workload import Case


def answers(folder, source, module="m", count=3):
    """The answers of `f()`, in `count` samples of one session."""
    (folder / f"{module}.py").write_text(source)
    spec = FunctionSpec(module, "f", str(folder / f"{module}.py"), (str(folder),))
    subject = FunctionSubject(ProcessSandbox(), Runtime(sys.executable, (Mount(folder, str(folder)),)), source, spec)
    case = Case("c", "case", (codec.encode({"args": [], "kwargs": {}}),))
    try:
        samples = [subject.run(case, limit_s=10) for _ in range(count)]
    finally:
        subject.close()
    assert all(sample.status == "ok" for sample in samples), [sample.evidence for sample in samples]
    return [codec.decode_live(sample.answer)[0][1] for sample in samples]


def test_a_module_that_the_runner_itself_uses_gives_way_to_the_candidate(tmp_path):
    assert answers(tmp_path, "def f():\n    return 'the candidate'\n", "textwrap", 1) == ["the candidate"]


def test_an_import_inside_a_function_happens_once(tmp_path):
    (tmp_path / "helper.py").write_text("import os\nPROCESS = os.getpid()\n")
    first, *later = answers(tmp_path, "import os\ndef f():\n    import helper\n    return helper.PROCESS == os.getpid()\n")
    assert first is True and later == [False, False]


def test_what_a_call_computes_stays_in_its_own_process(tmp_path):
    (tmp_path / "helper.py").write_text("seen = []\n")
    source = "def f():\n    import helper\n    helper.seen.append(1)\n    return len(helper.seen)\n"
    assert answers(tmp_path, source) == [1, 1, 1]


def test_a_process_left_behind_holds_nothing_up(tmp_path):
    source = """
import os, time
def f():
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    return 1
"""
    assert answers(tmp_path, source) == [1, 1, 1]


def test_its_source_as_it_sees_it_is_the_candidates(tmp_path):
    original = tmp_path / "m.py"
    original.write_text("# another text\n\n\ndef f():\n    return 'the original'\n")
    source = "import inspect\ndef f():\n    return inspect.getsource(f)\n"
    spec = FunctionSpec("m", "f", str(original), (str(tmp_path),))
    subject = FunctionSubject(ProcessSandbox(), Runtime(sys.executable, (Mount(tmp_path, str(tmp_path)),)), source, spec)
    sample = subject.run(Case("c", "case", (codec.encode({"args": [], "kwargs": {}}),)), limit_s=10)
    subject.close()
    assert codec.decode_live(sample.answer)[0][1] == "def f():\n    return inspect.getsource(f)\n"
