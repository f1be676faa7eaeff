# Everything runs in .venv, which is made on first use. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := PDACScreeningLib PDACScreening Testing docs examples train.py
TUMOR_SEED := 1
NORMAL_SEED := 2
BENCHMARK_LOG := docs/experiments/benchmarks-log.md

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-hostile test-crash fuzz mutants lock sbom test-slicer test-dicom test-cohort test-reader bench bench-against bench-panel bench-training pictures clean test-nnunet test-node

help:
	@echo "make demo      make two synthetic CTs, screen both, tell where the reports are"
	@echo "make test      format check, lint, types, tests"
	@echo "make test-hostile  every hostile input of the corpus, with a table of tried, right and wrong"
	@echo "make fuzz      random damage through every reader of files; RUNS=1000000 SEED=0 (goes on where it was stopped)"
	@echo "make test-crash   kills at 200 file operations and 100 random moments, 100 full disks (20 minutes)"
	@echo "make mutants   how many of 300 small errors in the method's code the tests notice (long; goes on where it was stopped)"
	@echo "make lock      exact versions and digests of what the checks install, into requirements.lock"
	@echo "make sbom      the same as a CycloneDX bill of materials, into sbom.json"
	@echo "make test-slicer  the Slicer module in a host of its own (1.1 GB more to install)"
	@echo "make test-dicom  DICOM results before validators and readers of others (Debian, PyPI and npm; a few minutes)"
	@echo "make test-cohort  cohorts with killed workers and nodes under a real SLURM (Debian; as root; some minutes)"
	@echo "make test-reader  report, reading room and study in a real Chromium (Debian and npm; some minutes)"
	@echo "make test-nnunet  imported models beside nnU-Net's own predictor (120 MB more to install; a few minutes)"
	@echo "make test-node  the node beside a real Orthanc: kills, outages, the tutorial (Debian's orthanc and dcmtk; four minutes)"
	@echo "make bench     half an hour: the protocols beside MONAI and nnU-Net, growth of the cost, memory, a whole screening;"
	@echo "               adds to $(BENCHMARK_LOG) (1 GB more to install)"
	@echo "make bench-against  the speed of this checkout beside that of commit REF, in turns"
	@echo "make bench-panel  how long the Slicer module keeps Slicer waiting (1.1 GB more to install)"
	@echo "make bench-training  pace of the patch sampler and of a training, into $(BENCHMARK_LOG)"
	@echo "make pictures  render the pictures of the README and the guides from the demo (1.1 GB more to install)"
	@echo "make clean     remove the demo and caches (not .venv)"

# torch comes first and alone, so that everything else is resolved against that build.
$(VENV)/.torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	"PDACScreening needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.12")'
	@echo "Making $(VENV) and installing PyTorch; the first time this downloads a few hundred MB to a few GB."
	@$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

$(VENV)/.slicer-host-installed: $(VENV)/.test-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[slicer-host]'
	@touch $@

# The stable Slicer's MRML lies beside the packages and is found first; its libraries look for VTK next to themselves.
STABLE_CORE := $(VENV)/slicer-core-5.12.4.0
$(STABLE_CORE): $(VENV)/.slicer-host-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ slicer-core==5.12.4.0
	ln -s "$$($(BIN)/python -c 'import vtkmodules; print(vtkmodules.__path__[0])')" $@/vtkmodules

# The Slicer module on real MRML and real Qt (docs/explanation/slicer_host.md), in two processes; then what does not take long on
# the stable Slicer's MRML. SLICER_SOURCE=<checkout of Slicer> uses its Python files.
test-slicer: $(VENV)/.slicer-host-installed $(STABLE_CORE)
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile Testing/SlicerHost
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 PYTHONPATH=$(STABLE_CORE) $(BIN)/pytest -n 2 --dist loadfile \
	  -m "not slow" Testing/SlicerHost

$(VENV)/.dicom-test-installed: $(VENV)/.test-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dicom-test]'
	@touch $@

# Validators of Debian; what is there already is left alone, so that a user who may not install can still run the tests.
DICOM_PROGRAMS := dcmtk dicom3tools libpixelmed-java default-jre-headless
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
build/dicom-tools/.installed:
	@mkdir -p $(@D)
	@if ! { command -v dciodvfy && command -v dsr2html && command -v java && ls /usr/share/java/pixelmed.jar; } >/dev/null; then \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends $(DICOM_PROGRAMS); fi
	@command -v npm >/dev/null || $(SUDO) apt-get install -y -qq --no-install-recommends nodejs npm
	cd $(@D) && npm install --silent --no-fund --no-audit dcmjs@0.52.2
	@touch $@

test-dicom: $(VENV)/.dicom-test-installed build/dicom-tools/.installed
	$(BIN)/pytest Testing/Dicom

# Chromium of Debian, playwright-core and axe-core of npm.
build/reader-tools/.installed:
	@mkdir -p $(@D)
	@if ! command -v chromium >/dev/null; then \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; fi
	@command -v npm >/dev/null || $(SUDO) apt-get install -y -qq --no-install-recommends nodejs npm
	cd $(@D) && npm install --silent --no-fund --no-audit playwright-core@1.64.1 axe-core@4.11.0
	@touch $@

# Pages in a real browser.
test-reader: $(VENV)/.test-installed build/reader-tools/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest Testing/Reader

# SLURM of Debian; where it is there already nothing is installed.
build/slurm/.installed:
	@mkdir -p $(@D)
	@if ! { command -v slurmctld && command -v slurmd && command -v munged; } >/dev/null; then \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends slurm-wlm munge; fi
	@touch $@

# Cohorts and the training template under a real SLURM of two nodes on this machine, which only root can start.
test-cohort: $(VENV)/.test-installed build/slurm/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest Testing/Cohort

# Without what nnU-Net asks for: its own list would bring another build of torch (Testing/Nnunet/requirements.txt).
$(VENV)/.nnunet-test-installed: Testing/Nnunet/requirements.txt $(VENV)/.test-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt -r $<
	@touch $@

test-nnunet: $(VENV)/.nnunet-test-installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile Testing/Nnunet

# A real PACS of Debian.
ORTHANC_PROGRAMS := orthanc orthanc-dicomweb dcmtk openssl
build/node-tools/.installed:
	@mkdir -p $(@D)
	@if ! { PATH="$$PATH:/usr/sbin" command -v Orthanc && command -v dcmsend && command -v openssl \
	  && ls /usr/share/orthanc/plugins/libOrthancDicomWeb.so; } >/dev/null; then \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends $(ORTHANC_PROGRAMS); fi
	@touch $@

$(VENV)/.node-test-installed: $(VENV)/.test-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[node-test]'
	@touch $@

test-node: $(VENV)/.node-test-installed build/node-tools/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal Testing/Node

test: $(VENV)/.test-installed
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

test-hostile: $(VENV)/.test-installed
	PYTHONPATH=Testing/Python $(BIN)/python Testing/Hostile/corpus.py

# Killed at 200 file operations and 100 random moments, and 100 sizes of a full disk: no result mixed or lost.
test-crash: $(VENV)/.test-installed
	$(BIN)/python Testing/Python/crash_points.py

# 300 small errors in the method's code, one at a time: how many do its tests notice? Goes on where it was stopped.
mutants: $(VENV)/.test-installed
	$(BIN)/python Testing/Mutants/mutants.py

# Random damage: RUNS executions, the same share for each reader of scans, records and objects.
RUNS := 1000000
SEED := 0
fuzz: $(VENV)/.test-installed
	PYTHONPATH=Testing/Python $(BIN)/python Testing/Hostile/fuzz.py --runs $(RUNS) --seed $(SEED)

TOOLS := .venv-tools
$(TOOLS)/.installed:
	@$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv cyclonedx-bom
	@touch $@

# Exact versions and SHA-256 of everything that the checks install, for every system and version of Python.
lock: $(TOOLS)/.installed
	$(TOOLS)/bin/uv pip compile pyproject.toml --extra test --constraint constraints.txt --python-version 3.11 --universal \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

# What that is, as a CycloneDX bill of materials.
sbom: $(TOOLS)/.installed
	$(TOOLS)/bin/cyclonedx-py requirements requirements.lock --output-reproducible --of JSON --output-file sbom.json

demo: $(VENV)/.installed
	@echo "1/4  a synthetic abdominal CT with a pancreatic tumor of 30 mm"
	@$(BIN)/pdac-screening phantom --seed $(TUMOR_SEED) --tumor-diameter-mm 30 --output demo/phantom-tumor
	@echo; echo "2/4  a synthetic abdominal CT without a tumor"
	@$(BIN)/pdac-screening phantom --seed $(NORMAL_SEED) --normal --output demo/phantom-normal
	@echo; echo "3/4  screening the one with a tumor"
	@$(BIN)/pdac-screening screen demo/phantom-tumor/ct.nii.gz --model demo-phantom --output demo/result-tumor
	@echo; echo "4/4  screening the one without"
	@$(BIN)/pdac-screening screen demo/phantom-normal/ct.nii.gz --model demo-phantom --output demo/result-normal
	@echo; echo "The first scan has a tumor, the second has none. How often the demo model errs: Resources/Models/demo-phantom/MODEL_CARD.md"
	@echo "Open in a browser:"
	@echo "  demo/result-tumor/report.html"
	@echo "  demo/result-normal/report.html"

$(VENV)/.bench-installed: $(VENV)/.test-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

bench: $(VENV)/.bench-installed
	$(BIN)/python Testing/Benchmarks/bench_inference.py --page $(BENCHMARK_LOG)
	$(BIN)/python Testing/Benchmarks/bench_protocols.py --page $(BENCHMARK_LOG)
	$(BIN)/python Testing/Benchmarks/bench_scaling.py --page $(BENCHMARK_LOG) --picture docs/pictures/cost-growth.svg
	$(BIN)/python Testing/Benchmarks/bench_end_to_end.py --page $(BENCHMARK_LOG)
	$(BIN)/python Testing/Benchmarks/bench_end_to_end.py --working-spacing-mm 1 --page $(BENCHMARK_LOG)
	$(BIN)/python Testing/Benchmarks/bench_nnunet.py --page $(BENCHMARK_LOG)

# This checkout beside an earlier commit, in turns: make bench-against REF=v0.1.0 SCAN=demo/phantom-tumor/ct.nii.gz
REF := HEAD~1
SCAN := demo/phantom-tumor/ct.nii.gz
bench-against: $(VENV)/.bench-installed
	rm -rf build/before && git worktree prune && git worktree add --detach build/before $(REF)
	$(BIN)/python Testing/Benchmarks/bench_against.py build/before --page $(BENCHMARK_LOG)
	$(BIN)/python Testing/Benchmarks/bench_fixed_cost.py $(SCAN) --against build/before --page $(BENCHMARK_LOG)

bench-training: $(VENV)/.test-installed
	$(BIN)/python Testing/Benchmarks/bench_training.py --page $(BENCHMARK_LOG)

# How long the panel keeps Slicer waiting with a CT of 400 slices, and the memory of a result.
bench-panel: $(VENV)/.slicer-host-installed
	$(BIN)/python Testing/Benchmarks/bench_panel.py

# The views of Slicer are drawn without a window; Qt needs no display either.
pictures: demo $(VENV)/.slicer-host-installed build/reader-tools/.installed
	$(BIN)/python docs/pictures/render.py
	$(BIN)/python docs/pictures/pages.py
	QT_QPA_PLATFORM=offscreen $(BIN)/python docs/pictures/render_slicer.py
	QT_QPA_PLATFORM=offscreen $(BIN)/python docs/pictures/render_slicer.py --reading
	QT_QPA_PLATFORM=offscreen $(BIN)/python docs/pictures/slicer_panel.py
	$(BIN)/python docs/pictures/slicer_module.py

clean:
	rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
