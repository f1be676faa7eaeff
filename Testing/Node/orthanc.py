"""A real Orthanc as an ordinary process of this machine, on ports and in a folder of its own."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from node_process import free_port

PATIENCE_S = 60.0
PLUGINS = Path("/usr/share/orthanc/plugins")


def program(name):
    """A program of Debian."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    assert found, f"{name} is not installed: run make test-node"
    return found


class Orthanc:
    """Started and stopped at will; what it holds stays. node_port: where its modality PDAC listens."""

    def __init__(self, folder, node_port, *, scripts=(), **options):
        self.folder, self.port, self.http_port = folder / "orthanc", free_port(), free_port()
        self.folder.mkdir(parents=True)
        self._file = self.folder / "orthanc.json"
        settings = {
            "Name": "TEST",
            "StorageDirectory": str(self.folder / "db"),
            "IndexDirectory": str(self.folder / "db"),
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": "ORTHANC",
            "DicomPort": self.port,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowStore": True,
            "StableAge": 2,
            "OverwriteInstances": False,
            "DicomModalities": {"pdac": ["PDAC", "127.0.0.1", node_port]},
            "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so")],
            "LuaScripts": [str(script) for script in scripts],
            **options,
        }
        self._file.write_text(json.dumps(settings))
        self._process = None

    @property
    def web(self):
        """Address of its DICOMweb plugin."""
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def start(self):
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen([program("Orthanc"), str(self._file)], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while not self.answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.1)

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def answers(self):
        try:
            self.get("system")
        except OSError:
            return False
        return True

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def post(self, path, text):
        address = f"http://127.0.0.1:{self.http_port}/{path}"
        with urllib.request.urlopen(address, data=text.encode(), timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def put_in(self, content):
        """Store one file over HTTP; waits while Orthanc is away."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}/instances", data=content)
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                    return json.load(answer)
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < deadline
                time.sleep(0.3)

    def instances(self):
        """Every object: tags of patient, study, series and instance, by name."""
        series = {one["ID"]: one for one in self.get("series?expand")}
        studies = {one["ID"]: one for one in self.get("studies?expand")}
        found = []
        for one in self.get("instances?expand"):
            own = series[one["ParentSeries"]]
            study = studies[own["ParentStudy"]]
            tags = (study["PatientMainDicomTags"], study["MainDicomTags"], own["MainDicomTags"], one["MainDicomTags"])
            found.append({name: value for group in tags for name, value in group.items()} | {"ID": one["ID"]})
        return found

    def file(self, identifier):
        """The bytes of an object."""
        address = f"http://127.0.0.1:{self.http_port}/instances/{identifier}/file"
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return answer.read()
