"""A real SLURM on one machine: munged, slurmctld and two slurmd of one core each, without systemd and cgroups.

Debian's packages slurm-wlm and munge. It listens on the loopback interface's ports of this configuration alone.
"""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
NODES = ("n1", "n2")


def is_installed():
    """Whether SLURM's programs are there."""
    return all(shutil.which(program) for program in PROGRAMS)


class Slurm:
    """A cluster in a folder, from `start` to `stop`."""

    def __init__(self, folder: Path, environment: dict[str, str], *, port: int = 26817):
        self.folder, self.port = folder.resolve(), port
        self.environment = environment | {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self):
        for name in ("state", "log", "run", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        run = self.folder / "run"
        subprocess.run(
            [
                "munged",
                "--force",
                f"--key-file={key}",
                f"--socket={run}/munge.socket",
                f"--pid-file={run}/munged.pid",
                f"--log-file={self.folder}/log/munged.log",
                f"--seed-file={run}/munged.seed",
            ],
            check=True,
        )
        (self.folder / "slurm.conf").write_text(self._configuration())
        subprocess.run(["slurmctld", "-c"], env=self.environment, check=True)
        for node in NODES:
            self.start_node(node)
        self._until(lambda: self.ask("sinfo", "-h", "-t", "idle", "-o", "%D").split() in (["2"], ["1", "1"]), 60)

    def start_node(self, node):
        subprocess.run(["slurmd", "-N", node], env=self.environment, check=True)

    def kill_node(self, node):
        """kill -9 of the node's daemon; its jobs run on, and SLURM may believe them dead."""
        os.kill(int((self.folder / "run" / f"slurmd-{node}.pid").read_text()), signal.SIGKILL)

    def ask(self, *command):
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        return ended.stdout

    def jobs(self):
        """Jobs that wait or run."""
        return [line for line in self.ask("squeue", "-h", "-o", "%i").splitlines() if line]

    def stop(self):
        for job in self.jobs():
            self.ask("scancel", job)
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld", "munged"):
            pid = self.folder / "run" / f"{name}.pid"
            if pid.exists():
                try:
                    os.kill(int(pid.read_text()), signal.SIGTERM)
                except (ProcessLookupError, ValueError):
                    continue

    @staticmethod
    def _until(condition, patience_s):
        end = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("SLURM did not get ready")
            time.sleep(0.2)

    def _configuration(self):
        host, user = socket.gethostname().split(".")[0], getpass.getuser()
        return f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={self.folder}/run/munge.socket,cred_expire=5
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={self.port}
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool-%n
SlurmctldPidFile={self.folder}/run/slurmctld.pid
SlurmdPidFile={self.folder}/run/slurmd-%n.pid
SlurmctldLogFile={self.folder}/log/slurmctld.log
SlurmdLogFile={self.folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000
MpiDefault=none
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=30
KillWait=2
MinJobAge=3600
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{self.port + 1}-{self.port + 2}] CPUs=1 RealMemory=2000 \
State=UNKNOWN
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""
