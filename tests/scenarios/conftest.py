from __future__ import annotations

import sys
from pathlib import Path

# Tests are no package: what several of them share is found beside them.
_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "unit" / "detection")]
