"""Early stopping and learning-rate reduction: what they have seen, and what they decide after an epoch."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Protocol

