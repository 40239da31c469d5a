"""These run where the frameworks are: `make frameworks`."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("agents") else ["test_*.py"]
