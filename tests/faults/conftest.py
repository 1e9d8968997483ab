import sys
from pathlib import Path

# The tests of this folder share its modules with scripts/torture and scripts/fuzz.
sys.path.insert(0, str(Path(__file__).parent))
