"""JSON that every reader accepts."""

import json
import math
from typing import Any, cast


def finite(value: Any) -> Any:
    """Returns `value` with every NaN and infinity replaced by None.

    Python writes them as `NaN` and `Infinity`, which are not JSON (RFC 8259, section 6). A loss may be one.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in cast(dict[Any, Any], value).items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in cast(list[Any], value)]
    return value


def one_line(value: Any) -> str:
    """Returns `value` as JSON without a line break.

    Raises:
        TypeError: `value` holds something that JSON cannot express.
    """
    return json.dumps(finite(value), separators=(",", ":"), allow_nan=False)
