"""Apache Kafka from its published jars: one KRaft node on free loopback ports, run by a Java 17.

The jars are fetched once with Maven into ``$COPROD_KAFKA_HOME``, by default
``~/.cache/coprod/kafka-<version>``.
"""

import base64
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path

import psutil

from tools.deployment.kafka.local_kafka import VERSION, KafkaAbsent, LocalKafka, answers, free_port

POM = Path(__file__).with_name("pom.xml")
JAVA_VERSION_MIN = 17
STARTUP_SECONDS_MAX = 120
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def start(data: Path | None) -> LocalKafka:
    """Start a broker with its log in ``data``, or go on with the one that already runs on it.

    Raises:
        KafkaAbsent: no Java 17, no way to the jars, or the broker ended while starting.
    """
    java, libraries = find_java(), find_libraries()
    if data is None:
        folder = Path(tempfile.mkdtemp(prefix="coprod-kafka-"))
        return _run(java, libraries, folder, thrown_away=True)
    data.mkdir(parents=True, exist_ok=True)
    return _running(data) or _run(java, libraries, data.resolve(), thrown_away=False)


def find_java() -> str:
    """Return the command of a Java that is new enough.

    Raises:
        KafkaAbsent: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        raise KafkaAbsent("there is no java on the PATH")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version.group(1)) < JAVA_VERSION_MIN:
        raise KafkaAbsent(f"Java {JAVA_VERSION_MIN} or newer is needed, and {java} is older")
    return java


def home() -> Path:
    """Return the folder whose ``libs`` holds, or will hold, the jars."""
    given = os.environ.get("COPROD_KAFKA_HOME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else cache / "coprod" / f"kafka-{VERSION}"


def find_libraries() -> Path:
    """Return the folder of the jars, fetched if need be.

    Raises:
        KafkaAbsent: they are not there and can't be fetched.
    """
    folder = home()
    libraries = folder / "libs"
    if libraries.is_dir():
        return libraries
    if shutil.which("mvn") is None:
        raise KafkaAbsent(f"there are no jars in {libraries} and no mvn to fetch them with")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs on a new machine fetch once
        if not libraries.is_dir():
            _fetch(folder, libraries)
    return libraries


def _fetch(folder: Path, libraries: Path) -> None:
    target = Path(tempfile.mkdtemp(dir=folder))
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    fetched = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        shutil.rmtree(target)
        raise KafkaAbsent(f"mvn could not fetch Kafka's jars: {fetched.stdout[-500:].strip()}")
    target.rename(
        libraries
    )  # in one step, so that an interrupted fetch is never taken for a whole one


def _running(folder: Path) -> LocalKafka | None:
    """Return the broker that an earlier run, perhaps killed, left running on this folder."""
    try:
        pid, bootstrap = (folder / "running").read_text().split()
        process = psutil.Process(int(pid))
        ours = str(folder.resolve() / "server.properties") in process.cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    if not ours or not answers(bootstrap):
        return None
    return LocalKafka(bootstrap, "jars", partial(_stop, process, None), process.pid)


def _run(java: str, libraries: Path, folder: Path, *, thrown_away: bool) -> LocalKafka:
    broker, controller = free_port(), free_port()
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(broker=broker, controller=controller, folder=folder))
    if not (folder / "log" / "meta.properties").exists():
        _format(java, libraries, properties)
    options = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-Xshare:auto"]
    written = folder / "server.log"
    written.unlink(missing_ok=True)
    with written.open("ab") as output:  # appended to, so that it can be emptied meanwhile
        process = psutil.Popen(
            [java, *options, "-cp", f"{libraries}/*", "kafka.Kafka", str(properties)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C must stop the services first
        )
    stop = partial(_stop, process, folder if thrown_away else None)
    bootstrap = f"127.0.0.1:{broker}"
    _await(process, written, stop)
    (folder / "running").write_text(f"{process.pid} {bootstrap}")
    return LocalKafka(bootstrap, "jars", stop, process.pid)


def _format(java: str, libraries: Path, properties: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    tool = [java, "-cp", f"{libraries}/*", "kafka.tools.StorageTool", "format", "--standalone"]
    options = [f"--cluster-id={cluster}", f"--config={properties}"]
    done = subprocess.run([*tool, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KafkaAbsent(f"Kafka could not format its folder: {done.stderr[-500:].strip()}")


def _await(process: psutil.Popen, written: Path, stop: partial[None]) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS_MAX
    while b"Kafka Server started" not in written.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            end = written.read_text(errors="replace")[-500:]
            stop()
            raise KafkaAbsent(f"Kafka did not start: {end.strip()}")
        time.sleep(0.1)


def _stop(process: psutil.Process | psutil.Popen, thrown_away: Path | None) -> None:
    try:
        process.terminate()
        process.wait(timeout=20)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)
    if thrown_away is not None:
        shutil.rmtree(thrown_away, ignore_errors=True)
