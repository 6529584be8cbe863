"""The parts of the workbench, one folder each."""
