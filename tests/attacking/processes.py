"""Attacks on running scripts: kills, interrupts, races, streams that fail, files that never end, torchrun."""

import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from tests.attacking.base import Material
from tests.attacking.material import tiny
from tests.attacking.trying import clear, ending_fault
from tests.attacking.whole import contents_of, left_fault

LONGEST = 300
"""Seconds for a process on a busy machine."""
MOST_MEMORY = 10 << 30
"""Bytes of address space of a process, of which torch alone takes some four gigabytes."""
TASKS = ["--tasks", "seg,depth"]
SIMILARITY = ["static_similarity.py", "--num_batches", "2", "--num_seeds", "2", "--sparsities", "90", *TASKS]
TRAINING = ["launch_training.py", "--resume", "--max_iters", "12", *TASKS]
Attack = Callable[[random.Random, Material], str | None]


def killed_scoring(rng: random.Random, material: Material) -> str | None:
    """Kill -9 of static_similarity.py at a random moment, then the same command: the results are those without."""
    words = [*SIMILARITY, *tiny(material.rooms, material.folder)]
    wanted = _similarity(_reference(material, SIMILARITY))
    _stop(words, rng, material, signal.SIGKILL)
    return _ended(words, material) or (None if _similarity(material.folder) == wanted else "other numbers")


def killed_training(rng: random.Random, material: Material) -> str | None:
    """Kill -9 of launch_training.py at a random moment, then --resume: network and log are those without."""
    return _stopped_training(rng, material, signal.SIGKILL)


def interrupted_training(rng: random.Random, material: Material) -> str | None:
    """SIGTERM or Ctrl-C at a random moment, then --resume: no traceback, network and log are those without."""
    return _stopped_training(rng, material, rng.choice([signal.SIGTERM, signal.SIGINT]))


def interrupted_imports(rng: random.Random, material: Material) -> str | None:
    """Ctrl-C while libraries are being imported."""
    words = [*rng.choice([SIMILARITY, TRAINING]), *tiny(material.rooms, material.folder)]
    process = _start(words, material)
    time.sleep(rng.uniform(0.15, 4.0))
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=LONGEST)[1]
    if process.returncode == -signal.SIGINT and not stderr:
        return None  # Python itself had not begun
    return ending_fault(words[0], process.returncode, stderr, (0, 130))


def raced_training(rng: random.Random, material: Material) -> str | None:
    """Two trainings in one folder: one does it, the other stops with a line; nothing is mixed."""
    words = [*TRAINING, *tiny(material.rooms, material.folder)]
    first = _start(words, material)
    time.sleep(rng.uniform(0, 1.5))
    second = _start(words, material)
    for process in (first, second):
        stderr = process.communicate(timeout=LONGEST)[1]
        fault = ending_fault(words[0], process.returncode, stderr)
        if fault:
            return fault
    return _other_training(material)


def failing_streams(rng: random.Random, material: Material) -> str | None:
    """Standard output or error full or closed."""
    path = material.folder / "similarity.json"
    path.write_text(json.dumps(material.reports["similarity.json"]))
    command = rng.choice([["json2tab.py", str(path)], ["json2tab.py", "nothing.json"],
                          [*SIMILARITY, *tiny(material.rooms, material.folder / "out")]])
    where = rng.choice([">/dev/full", ">&-", "2>/dev/full", "2>&-", ">&- 2>&-", ">/dev/full 2>/dev/full", "|head -c1"])
    quoted = " ".join(f"'{word}'" for word in [sys.executable, str(material.scripts / command[0]), *command[1:]])
    before = contents_of(material.folder)
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{quoted} {where}"], cwd=material.folder, timeout=LONGEST,
                          capture_output=True, text=True, env=_environment())
    if "Exception ignored" in done.stderr:
        return f"{command[0]} {where}: {done.stderr[:200]}"
    silent = "2>" in where
    if silent and done.returncode in (0, 2):
        return None
    fault = ending_fault(f"{command[0]} {where}", done.returncode, done.stderr, (0, 1, 2) if "|" in where else (0, 2))
    return fault or left_fault(command[0], material.folder, before)


def endless_files(rng: random.Random, material: Material) -> str | None:
    """A pipe, a device or a link out of the data root where an image belongs."""
    root = material.copy_of(material.rooms)
    rows = json.loads((root / "taskonomy.json").read_text())["train"]
    path = root / rng.choice([column for row in rows for column in row if "rgb" in column or "depth" in column])
    content = path.read_bytes()
    path.unlink()
    match rng.randrange(3):
        case 0:
            os.mkfifo(path)
        case 1:
            path.symlink_to("/dev/zero")
        case 2:
            (material.folder / "outside.png").write_bytes(content)
            path.symlink_to(material.folder / "outside.png")
    words = [*SIMILARITY, *tiny(root, material.folder / "out")]
    return _ended(words, material, limit=180)


def torchrun_ends(rng: random.Random, material: Material) -> str | None:
    """torchrun: a mistake is printed once; when it is killed, nothing of it goes on for more than 30 seconds."""
    if rng.random() < 0.5:
        process = _start([*TRAINING, "--dest", "/dev/null/x"], material, processes=2)
        stderr = process.communicate(timeout=LONGEST)[1]
        said = stderr.count("error: --dest")
        return None if said == 1 else f"the mistake was printed {said} times"
    words = [*TRAINING[:3], "100000", *TASKS, *tiny(material.rooms, material.folder)]
    process = _start(words, material, processes=2)
    time.sleep(rng.uniform(3, 20))
    children = _children(process.pid)
    process.kill()
    process.wait()  # not for the end of what it says: those that go on hold the pipes
    until = time.monotonic() + 30
    while time.monotonic() < until and any(map(_lives, children)):
        time.sleep(0.5)
    left = [child for child in children if _lives(child)]
    for child in left:
        os.kill(child, signal.SIGKILL)
    return f"{len(left)} of {len(children)} processes went on" if left else None


ATTACKS: dict[str, Attack] = {
    "kill -9, scoring": killed_scoring,
    "kill -9, training": killed_training,
    "interrupts": interrupted_training,
    "interrupted imports": interrupted_imports,
    "races": raced_training,
    "streams": failing_streams,
    "endless files": endless_files,
    "torchrun": torchrun_ends,
}


def _stopped_training(rng: random.Random, material: Material, number: int) -> str | None:
    words = [*TRAINING, *tiny(material.rooms, material.folder)]
    fault = _stop(words, rng, material, number)
    return fault or _ended(words, material) or _other_training(material)


def _stop(words: Sequence[str], rng: random.Random, material: Material, number: int) -> str | None:
    """Send a signal at a random moment of what the command took without one."""
    usual = float((_reference(material, words) / "seconds").read_text())
    process = _start(words, material)
    time.sleep(rng.uniform(0.2, 1.1) * usual)
    process.send_signal(number)
    stderr = process.communicate(timeout=LONGEST)[1]
    if number == signal.SIGKILL or process.returncode == -number:  # the latter: before Python had begun
        return None
    return ending_fault(words[0], process.returncode, stderr, (0, 130))


def _ended(words: Sequence[str], material: Material, limit: float = LONGEST) -> str | None:
    before = contents_of(material.folder)
    process = _start(words, material)
    try:
        stderr = process.communicate(timeout=limit)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"no end after {limit:.0f} s"
    return ending_fault(words[0], process.returncode, stderr) or left_fault(words[0], material.folder, before)


def _reference(material: Material, words: Sequence[str]) -> Path:
    """The results of a command that nobody disturbed, made once."""
    script = Path(words[0]).stem
    folder = material.rooms.parent / f"undisturbed_{script}"
    if not folder.exists():
        clear(folder)
        kept = SIMILARITY if script == Path(SIMILARITY[0]).stem else TRAINING
        begin = time.monotonic()
        process = _start([*kept, *tiny(material.rooms, folder)], replace(material, folder=folder))
        stderr = process.communicate(timeout=LONGEST)[1]
        if process.returncode != 0:
            shutil.rmtree(folder)
            raise RuntimeError(stderr)
        (folder / "seconds").write_text(str(time.monotonic() - begin))
    return folder


def _similarity(folder: Path) -> object:
    contents = json.loads((folder / "similarity.json").read_text())
    return [contents[key] for key in ("table", "stderr", "layers")]


def _other_training(material: Material) -> str | None:
    wanted, name = _reference(material, TRAINING), "final_sample_baseline_seg_depth.pth"
    one, other = (torch.load(folder / name, weights_only=True)["weights"] for folder in (wanted, material.folder))
    if list(one) != list(other) or not all(torch.equal(one[key], other[key]) for key in one):
        return "other weights"
    logs = [(folder / "sample_baseline_seg_depth.csv").read_text() for folder in (wanted, material.folder)]
    return None if logs[0] == logs[1] else "another log"


def _start(words: Sequence[str], material: Material, processes: int = 1) -> subprocess.Popen:
    launcher = [] if processes == 1 else ["-m", "torch.distributed.run", f"--nproc_per_node={processes}",
                                          f"--master_port={_free_port()}"]
    command = [sys.executable, *launcher, str(material.scripts / words[0]), *words[1:]]
    return subprocess.Popen(command, cwd=material.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            start_new_session=True, env=_environment(), preexec_fn=_bound_memory)


def _bound_memory() -> None:
    """What eats memory is to fail alone, and not to take the machine along."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text() if Path(f"/proc/{pid}").exists() else ""
    return [int(word) for word in text.split()]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
