# Everything works from a bare checkout: each target installs first what it needs (scripts/setup.sh), and
# nothing, without asking the network, where all of it is there.

.DEFAULT_GOAL := help
.PHONY: help run test test-vm lint bench screenshots man clean

# Real mounts and real containers need root.
python = $(shell [ "$$(id -u)" -eq 0 ] || echo sudo -E) .venv/bin/python

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

run: ## set up, then the workbench; without a terminal, the demo in words
	@sh scripts/setup.sh run
	@sh scripts/start.sh

test: ## set up with the peers the tests need, then every test; ARGS='-k name' for some
	@sh scripts/setup.sh test
	@sh scripts/test.sh $(ARGS)

test-vm: ## the tests that look at control groups, in a virtual machine with cgroup v2; ARGS=tests/root for more
	@sh scripts/setup.sh test
	@sh scripts/vm.sh $(ARGS)

lint: ## ruff, mypy, the import contracts, shellcheck where it is installed
	@sh scripts/setup.sh lint
	@sh scripts/lint.sh

bench: ## measurements beside podman, skopeo, buildah and dive (minutes)
	@sh scripts/setup.sh bench
	$(python) -m pytest tests/bench -m bench -s --timeout 1800 $(ARGS)

screenshots: ## the pictures of the README, from a scripted real session
	@sh scripts/setup.sh test
	$(python) screenshots/make.py

man: ## the manual page, dist/cutaway.1, from the command tree
	@sh scripts/setup.sh run
	.venv/bin/python scripts/man.py dist/cutaway.1

clean: ## take away what these targets made in the checkout (packages of the system stay)
	rm -rf .venv .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
